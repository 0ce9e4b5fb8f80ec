/// A parser of what comes from outside, and what must hold of whatever it accepts.
enum FuzzParser: String, CaseIterable {
    // From the network.
    case json, jws, jwks, form, scope, resource
    case details = "authorization-details"
    case request = "token-request"
    case proof = "dpop-proof"
    case targetURI = "target-uri"
    case event = "event-subject"
    // From the policy.
    case location
    // From the front, which the core does not trust.
    case frame, entry
    // From files that people carry about.
    case note
    case sshSignature = "ssh-signature"
    case age = "age-header"

    /// Parses an input: whether it was accepted; throws what it breaks.
    func parse(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        switch self {
        case .json: try json(input)
        case .jws: try jws(input)
        case .jwks: try jwks(input)
        case .form: try form(input)
        case .scope: try scope(input)
        case .resource: try resource(input)
        case .details: try details(input)
        case .request: try request(input)
        case .proof: try proof(input)
        case .targetURI: try targetURI(input)
        case .event: try event(input)
        case .location: try location(input)
        case .frame: try frame(input)
        case .entry: try entry(input)
        case .note: try note(input)
        case .sshSignature: try sshSignature(input)
        case .age: try ageHeader(input)
        }
    }
}

/// Something that must hold and does not.
struct FuzzFinding: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    /// Throws unless `condition` holds.
    static func unless(_ condition: Bool, _ description: String) throws(FuzzFinding) {
        if !condition { throw FuzzFinding(description) }
    }
}
