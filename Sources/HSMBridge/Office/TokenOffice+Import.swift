internal import CPKCS11

extension TokenOffice {
    /// Makes a key of its parts (C_CreateObject), for tokens that cannot unwrap it; then as after any import.
    ///
    /// The parts are in this process's memory: that is why it does nothing else, and ends.
    package func createKey(
        _ uri: TokenURI, userPIN: PIN, specification: KeySpecification, parts: PrivateKeyParts, expected: PublicKey
    ) throws(HSMError) -> (TokenInfo, GeneratedKey) {
        let (slot, info) = try module.token(matching: uri)
        let profile = TokenProfile(
            info: info, library: try module.libraryInfo(), mechanisms: try module.mechanisms(slot: slot))
        let session = try Session(module: module, slot: slot, readWrite: true)
        try TokenOffice.login(session, userPIN, as: CK_USER_TYPE(CKU_USER))
        defer { try? session.logout() }
        let numbers = try parts.attributes(for: specification.algorithm)
        let arrival = KeyArrival(specification: specification, expected: expected, profile: profile)
        let key = try arrival.run(in: session) { (session, template) throws(HSMError) in
            try session.createObject(template + numbers)
        }
        return (info, key)
    }
}
