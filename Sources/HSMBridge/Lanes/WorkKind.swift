/// What a piece of work costs is learned by kind: an RSA signature takes ten times as long as one on a curve.
struct WorkKind: RawRepresentable, Sendable, Hashable {
    /// How many kinds there are; raw values are below it.
    static let count = 8

    let rawValue: Int

    static let task = WorkKind(rawValue: 5)
    static let decryption = WorkKind(rawValue: 6)
    /// Making, destroying and bringing in keys, which takes some tokens minutes.
    static let keyManagement = WorkKind(rawValue: 7)

    static func signature(_ algorithm: KeyAlgorithm) -> WorkKind {
        switch algorithm {
        case .es256: WorkKind(rawValue: 0)
        case .es384: WorkKind(rawValue: 1)
        case .rs256: WorkKind(rawValue: 2)
        case .ps256: WorkKind(rawValue: 3)
        case .edDSA: WorkKind(rawValue: 4)
        case .rsaOAEP, .rsaOAEP256: .decryption
        }
    }
}
