/// What a person's signature is for: the namespace of `ssh-keygen -Y sign -n`, so that none serves for another.
package enum SignaturePurpose: Sendable, Equatable {
    /// A manifest's body.
    case manifest
    /// A ceremony's plan.
    case plan
    /// A request for shares, signed by the appliance's host key.
    case request
    /// A share on its way to the request with this hash.
    case contribution(request: String)
    /// An order to a running core: seal, cancel, quarantine.
    case order
    /// The last line of a ceremony's transcript.
    case transcript
    /// A configuration bundle.
    case configuration
    /// A sealed secret.
    case envelope
    /// A transport key, signed by the appliance's host key.
    case transport
    /// The decision to go on with an older copy of the log.
    case restoration

    private static let suffix = "@vault-appliance"

    /// The namespace.
    package var namespace: String {
        let name =
            switch self {
            case .manifest: "manifest"
            case .plan: "plan"
            case .request: "request"
            case .contribution(let request): "contribution-\(request)"
            case .order: "order"
            case .transcript: "transcript"
            case .configuration: "configuration"
            case .envelope: "envelope"
            case .transport: "transport"
            case .restoration: "restoration"
            }
        return name + SignaturePurpose.suffix
    }

    /// The request that a contribution's namespace names; nil for any other namespace.
    package static func request(ofContribution namespace: String) -> String? {
        guard namespace.hasPrefix("contribution-"), namespace.hasSuffix(suffix) else { return nil }
        let hash = namespace.dropFirst("contribution-".count).dropLast(suffix.count)
        guard hash.utf8.count == 64, hash.utf8.allSatisfy({ "0123456789abcdef".utf8.contains($0) }) else { return nil }
        return String(hash)
    }
}
