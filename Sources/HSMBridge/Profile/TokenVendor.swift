/// A maker of tokens whose peculiarities we know: from our own tests, or from documents and sources alone.
package enum TokenVendor: String, Sendable, CaseIterable {
    case softHSM = "SoftHSM"
    case tpm2 = "tpm2-pkcs11"
    case luna = "Thales Luna"
    case cloudHSM = "AWS CloudHSM"
    case yubiHSM2 = "YubiHSM 2"
    case netHSM = "Nitrokey NetHSM"
    case other = "unknown"

    /// Whether this appliance has been run with it; the others are known from documents and sources (docs/hsm.md).
    package var isTested: Bool { self == .softHSM || self == .tpm2 }

    /// Quirks that are known without trying.
    package var quirks: Set<TokenQuirk> {
        switch self {
        case .softHSM: [.serialisesKeyManagement, .oaepSHA1Only, .forgetsLostTokens]
        case .tpm2:
            [
                .serialisesKeyManagement, .publicUsesUnstated, .attributesNotFrozen, .hashesRSAItself, .noSessionKeys,
                .droppedOperationHoldsKey,
            ]
        case .yubiHSM2: [.shortKeyID, .historyHardWired]
        case .netHSM: [.historyHardWired]
        case .luna, .cloudHSM, .other: []
        }
    }

    /// Goes by what library and token call themselves.
    init(library: LibraryInfo, token: TokenInfo) {
        let names = [library.manufacturer, library.description, token.manufacturer, token.model].map { $0.lowercased() }
        func says(_ words: String...) -> Bool { names.contains { name in words.contains { name.contains($0) } } }
        // The exact names of what is tested; a likeness to the others grants nothing but a hint for the operator.
        if library.manufacturer == "SoftHSM" {
            self = .softHSM
        } else if library.manufacturer == "tpm2-software.github.io" {
            self = .tpm2
        } else if says("yubihsm") {
            self = .yubiHSM2
        } else if says("nethsm", "nitrokey") {
            self = .netHSM
        } else if says("cloudhsm") {
            self = .cloudHSM
        } else if says("safenet", "luna", "chrystoki") {
            self = .luna
        } else {
            self = .other
        }
    }
}
