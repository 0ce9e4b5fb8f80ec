import Minting
import Policy

/// The configured targets, found by audience or by the longest prefix of a resource.
struct TargetDirectory: Sendable {
    /// Somebody for whom tokens are made.
    struct Target: Sendable, Equatable {
        let name: String
        /// What its tokens are.
        let kind: TargetKind
        /// The `aud` of its tokens, and the `audience` a request names it by.
        let audience: String
        /// Resource prefixes (RFC 8707) that name it too.
        let resources: [String]
        /// Label of the key that signs its tokens.
        let key: String
        let scopes: [String]
    }

    private let targets: [Target]

    /// A directory; the configuration has made sure that audiences and prefixes are unambiguous.
    init(_ targets: [Target]) { self.targets = targets }

    /// The one target that every `audience` and every `resource` of a request names.
    func resolve(audiences: [String], resources: [String]) throws(ExchangeRefusal) -> Target {
        var found: Target?
        for audience in audiences {
            guard let target = targets.first(where: { $0.audience == audience || $0.name == audience }) else {
                throw .target("audience: names no target")
            }
            try Self.agree(target, &found)
        }
        for resource in resources {
            // Only the one accepted spelling: `/a/../b/` must not be matched as if it lay under `/a/`.
            guard LocationText.isAcceptable(resource), let target = longestPrefix(of: resource) else {
                throw .target("resource: names no target")
            }
            try Self.agree(target, &found)
        }
        guard let found else { throw .target("neither audience nor resource is given") }
        return found
    }

    /// The same for a request whose assertion was issued for certain resources: they name the target where the request
    /// does not, and may not name another.
    func resolve(
        _ access: RequestedAccess, assertedResources asserted: [String]
    ) throws(ExchangeRefusal) -> Target {
        let isSilent = access.audiences.isEmpty && access.resources.isEmpty
        let target = try resolve(
            audiences: access.audiences, resources: isSilent ? asserted : access.resources)
        guard !asserted.isEmpty, !isSilent else { return target }
        guard access.resources.allSatisfy(asserted.contains), try resolve(audiences: [], resources: asserted) == target
        else { throw .target("the assertion was issued for another resource") }
        return target
    }

    /// The target whose transaction tokens are for this trust domain, for a receipt.
    func transactions(named name: String) throws(ExchangeRefusal) -> Target {
        let target = try resolve(audiences: [name], resources: [])
        guard target.kind == .transaction else { throw .target("receipt: names no trust domain") }
        return target
    }

    /// The target whose tokens have this `aud`.
    func name(ofAudience audience: String) -> String? { targets.first { $0.audience == audience }?.name }

    /// Targets whose key no token holds as an active one: nothing can be issued for them.
    func withoutKey(_ keys: KeyDirectory) -> [Target] { targets.filter { !keys.hasActiveKey(label: $0.key) } }

    /// Labels of the keys that sign federation tokens, the only ones of ours that are ID tokens in their form.
    var federationKeys: Set<String> { Set(targets.filter { $0.kind.tokenKind == .federation }.map(\.key)) }

    private static func agree(_ target: Target, _ found: inout Target?) throws(ExchangeRefusal) {
        guard found == nil || found == target else { throw .target("audience and resource name several targets") }
        found = target
    }

    private func longestPrefix(of resource: String) -> Target? {
        var best: (length: Int, target: Target)?
        for target in targets {
            for prefix in target.resources where Self.covers(prefix, resource) {
                if prefix.utf8.count > best?.length ?? -1 { best = (prefix.utf8.count, target) }
            }
        }
        return best?.target
    }

    /// A prefix covers whole path segments: `https://a.example/x` covers `/x` and `/x/y`, never `/xy`.
    private static func covers(_ prefix: String, _ resource: String) -> Bool {
        guard resource.utf8.starts(with: prefix.utf8) else { return false }
        if prefix.utf8.last == UInt8(ascii: "/") || prefix.utf8.count == resource.utf8.count { return true }
        let next = resource.utf8[resource.utf8.index(resource.utf8.startIndex, offsetBy: prefix.utf8.count)]
        return next == UInt8(ascii: "/") || next == UInt8(ascii: "?")
    }
}
