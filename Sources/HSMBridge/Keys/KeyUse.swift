/// The one thing a private key of the token may be used for.
enum KeyUse: Sendable {
    case sign
    case decrypt
    /// Of a transport key alone, which lives as long as one import.
    case unwrap

    /// The attribute that allows it.
    var attribute: AttributeType {
        switch self {
        case .sign: .sign
        case .decrypt: .decrypt
        case .unwrap: .unwrap
        }
    }

    /// What the public half states as its use: the host does all of it, and no public key ever wraps another key.
    var publicAttribute: AttributeType { self == .sign ? .verify : .encrypt }
}
