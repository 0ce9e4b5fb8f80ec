/// Where a token departs from what PKCS#11 or we expect of it, known by its maker or found by `TokenProbe`.
package enum TokenQuirk: String, Sendable, Hashable, CaseIterable {
    /// Keys must be made while no lane is at work.
    ///
    /// SoftHSM before 2.7.0 fails at random when keys are made beside other work (SoftHSMv2 issue 573), and tpm2-pkcs11
    /// loses races in its own store (tpm2-pkcs11 issues 701 and 842).
    case serialisesKeyManagement = "serialises-key-management"
    /// RSA-OAEP with SHA-1 alone.
    case oaepSHA1Only = "oaep-sha1-only"
    /// A public key's template may not state CKA_VERIFY and CKA_ENCRYPT: tpm2-pkcs11 mixes them up with the private key's.
    case publicUsesUnstated = "public-uses-unstated"
    /// C_SetAttributeValue succeeds whatever CKA_MODIFIABLE says; only the device keeps the key as it is.
    case attributesNotFrozen = "attributes-not-frozen"
    /// CKM_RSA_PKCS is listed and does not sign; CKM_SHA256_RSA_PKCS does.
    case hashesRSAItself = "hashes-rsa-itself"
    /// CKA_ID has two bytes (YubiHSM object ids).
    case shortKeyID = "short-key-id"
    /// CKA_LOCAL, CKA_ALWAYS_SENSITIVE or CKA_NEVER_EXTRACTABLE are the same for every key, or not about its past.
    case historyHardWired = "history-hard-wired"
    /// CKA_ALLOWED_MECHANISMS is not known or not taken.
    case refusesAllowedMechanisms = "refuses-allowed-mechanisms"
    /// CKA_ALLOWED_MECHANISMS is taken, and then other mechanisms are allowed all the same.
    case ignoresAllowedMechanisms = "ignores-allowed-mechanisms"
    /// CKA_EC_POINT of an Edwards key is the bare 32 bytes of RFC 8032, as PKCS#11 v3.0 has it, not an OCTET STRING.
    case bareEdwardsPoint = "bare-edwards-point"
    /// C_GetMechanismInfo or C_GetMechanismList says other than what the token does.
    case mechanismInfoLies = "mechanism-info-lies"
    /// Keys cannot be session objects, so nothing can be tried without making a key for good.
    case noSessionKeys = "no-session-keys"
    /// An operation that was begun and dropped keeps its key from being destroyed until the library is restarted.
    case droppedOperationHoldsKey = "dropped-operation-holds-key"
    /// A token whose storage was away is not seen again before the library is started anew.
    ///
    /// SoftHSM marks a token whose directory it could not read as invalid for good (OSToken::index, SoftHSMv2 2.6.1).
    case forgetsLostTokens = "forgets-lost-tokens"

    /// What it means, in words for an operator.
    package var meaning: String {
        switch self {
        case .serialisesKeyManagement: "keys are made while no lane is at work"
        case .oaepSHA1Only: "RSA-OAEP takes SHA-1 alone"
        case .publicUsesUnstated: "public templates leave CKA_VERIFY and CKA_ENCRYPT out"
        case .attributesNotFrozen: "attributes can be changed in spite of CKA_MODIFIABLE"
        case .hashesRSAItself: "RS256 is made with CKM_SHA256_RSA_PKCS, since CKM_RSA_PKCS does not sign"
        case .shortKeyID: "CKA_ID has two bytes"
        case .historyHardWired: "what it reports of a key's past is not to be relied on"
        case .refusesAllowedMechanisms: "CKA_ALLOWED_MECHANISMS is refused: keys are not bound to one mechanism"
        case .ignoresAllowedMechanisms: "CKA_ALLOWED_MECHANISMS is ignored: keys are not bound to one mechanism"
        case .bareEdwardsPoint: "CKA_EC_POINT of Edwards keys is bare (PKCS#11 v3.0)"
        case .mechanismInfoLies: "C_GetMechanismInfo says other than what the token does"
        case .noSessionKeys: "keys cannot be session objects"
        case .forgetsLostTokens: "a token that was away is seen again only after C_Finalize and C_Initialize"
        case .droppedOperationHoldsKey: "a dropped operation keeps its key from being destroyed"
        }
    }
}
