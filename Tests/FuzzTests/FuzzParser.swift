/// A parser of what comes from outside, and what must hold of whatever it accepts.
enum FuzzParser: String, CaseIterable {
    // From the network.
    case json, jws, jwks, form, scope, resource
    case details = "authorization-details"
    case request = "token-request"
    case proof = "dpop-proof"
    case targetURI = "target-uri"
    case event = "event-subject"
    case claims, certificate
    case spiffeID = "spiffe-id"
    case target = "request-target"
    // From files that operators write.
    case policy, configuration, location
    case tokenURI = "token-uri"
    case plan = "plan-draft"
    // From the front, which the core does not trust.
    case frame, entry
    // From files that people carry about.
    case note
    case sshSignature = "ssh-signature"
    case age = "age-header"
    case keys = "people-keys"
    case privateKey = "private-key"
    case custodyFile = "custody-file"
    case manifest
    case ceremonyPlan = "ceremony-plan"
    case verifierKey = "verifier-key"
    case proofFile = "log-proof"
    case statement = "cut-off-statement"
    case onCall = "on-call-list"
    // From the appliance's own disk.
    case journal
    case bundle = "entry-bundle"

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
        case .claims: try claims(input)
        case .certificate: try certificate(input)
        case .spiffeID: try spiffeID(input)
        case .target: try requestTarget(input)
        case .policy: try policy(input)
        case .configuration: try configuration(input)
        case .plan: try planDraft(input)
        case .location: try location(input)
        case .tokenURI: try tokenURI(input)
        case .frame: try frame(input)
        case .entry: try entry(input)
        case .note: try note(input)
        case .sshSignature: try sshSignature(input)
        case .age: try ageHeader(input)
        case .keys: try peopleKeys(input)
        case .privateKey: try privateKey(input)
        case .custodyFile: try custodyFile(input)
        case .manifest: try manifest(input)
        case .ceremonyPlan: try ceremonyPlan(input)
        case .verifierKey: try verifierKey(input)
        case .proofFile: try logProof(input)
        case .statement: try cutOffStatement(input)
        case .onCall: try onCallList(input)
        case .journal: try journal(input)
        case .bundle: try entryBundle(input)
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
