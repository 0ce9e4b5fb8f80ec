/// Whose keys a key set holds.
package enum KeySetOwner: Sendable, Hashable, CustomStringConvertible {
    /// An issuer, by its configured name.
    case issuer(String)
    /// A client, by its id.
    case client(String)

    /// What it is: a label of metrics.
    var kind: String {
        switch self {
        case .issuer: "issuer"
        case .client: "client"
        }
    }

    /// Its name: a label of metrics.
    var name: String {
        switch self {
        case .issuer(let name), .client(let name): name
        }
    }

    /// As in `issuer corp`.
    package var description: String { "\(kind) \(name)" }
}
