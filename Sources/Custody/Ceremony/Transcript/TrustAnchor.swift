/// What says that manifests are those of the appliance: without it whoever gave them is believed.
package enum TrustAnchor: Sendable, Equatable {
    /// Nothing: the reader compares the genesis hash by eye.
    case none
    /// The genesis hash, or its words, as they were written down in the first ceremony.
    case genesis(String)
    /// What a custodian's directory remembers.
    case pin(CustodianPin)

    /// Refuses manifests that begin otherwise, or do not continue what is pinned; `genesis` is the hash of their first.
    func check(genesis: String?, chain: ManifestChain?) throws(CustodyError) {
        switch self {
        case .none: return
        case .genesis(let known):
            guard let genesis else {
                throw CustodyError(.notChained, "no manifest came out of the ceremony: there is no genesis to compare")
            }
            guard [genesis, Proquint.phrase(hexadecimal: genesis)].contains(known.lowercased()) else {
                throw CustodyError(
                    .foreign,
                    "the manifests begin with \(genesis), not with the genesis that was given: they are another "
                        + "appliance's, or somebody made them up. Believe nothing in these files")
            }
        case .pin(let pin):
            guard genesis == pin.genesis else {
                throw CustodyError(
                    .foreign,
                    "the manifests begin with \(genesis ?? "nothing"), not with \(pin.genesis), which this custodian "
                        + "accepted: somebody made them up. Believe nothing in these files")
            }
            if let chain { try pin.check(chain) }
        }
    }

    /// Who vouches for the manifests, in one word.
    var name: String {
        switch self {
        case .none: "nobody"
        case .genesis: "genesis"
        case .pin: "pin"
        }
    }

    /// The same for people, and what is left for them to compare.
    func sentence(genesis: String?) -> String {
        guard genesis != nil else { return "no manifest came out of it: there is nothing to vouch for" }
        return switch self {
        case .none:
            "nobody vouches for these manifests but whoever gave them. Compare the genesis hash, or its words, with what was "
                + "written down in the first ceremony; --genesis HASH does it for you"
        case .genesis:
            "the genesis hash is the one that was given with --genesis, which must come from the first ceremony and not from "
                + "whoever gave these files"
        case .pin(let pin):
            "the manifests continue what this custodian accepted, and saw last in version \(pin.version)"
        }
    }
}
