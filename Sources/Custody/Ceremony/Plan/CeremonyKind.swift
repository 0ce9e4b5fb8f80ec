/// What a ceremony does (docs/ceremonies.md).
package enum CeremonyKind: String, Sendable, CaseIterable {
    /// The first keys, custodians and manifest of an appliance.
    case genesis
    /// Custodians bring the tokens of a sealed core to life.
    case activate
    /// Keys move on in their lives: prepublished, active, retiring, retired, destroyed.
    case changeKeyState = "change-key-state"
    /// New keys in the tokens that there are.
    case generate
    /// A provider's key is taken into a token.
    case importKey = "import"
    /// Another token with keys of its own.
    case replicate
    /// A token leaves service.
    case removeToken = "remove-token"
    /// Other custodians, a new secret, new shares.
    case rotateEpoch = "rotate-epoch"
    /// Custodians prove that they can open their shares; nothing is activated.
    case drill
    /// Everything that was promised is looked at again: attributes, inventory, log, JWKS.
    case auditVerify = "audit-verify"

    /// Whether the running core executes it; a genesis has no core yet.
    package var isInCore: Bool { self != .genesis }

    /// Whether it brings a new manifest.
    package var changesManifest: Bool {
        switch self {
        case .activate, .drill, .auditVerify: false
        case .genesis, .changeKeyState, .generate, .importKey, .replicate, .removeToken, .rotateEpoch: true
        }
    }
}
