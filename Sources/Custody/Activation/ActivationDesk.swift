package import StrictEncoding
import Synchronization

/// Where a sealed core takes contributions: several requests may be open, and nothing of a share leaves its memory.
package final class ActivationDesk: Sendable {
    /// What a contribution led to.
    package enum Outcome: Sendable {
        /// More custodians are needed.
        case waiting(ActivationProgress)
        /// The secret, of these custodians' shares; the desk has forgotten everything else.
        case complete(secret: LockedBytes, contributors: [String], request: String)
    }

    /// A request as it is handed out.
    package struct Offer: Sendable {
        package let request: ActivationRequest
        /// The host key's signature over the request's file.
        package let signature: String
    }

    /// A request that ended without bringing the appliance to life.
    package struct Ended: Sendable {
        package let request: ActivationRequest
        /// Whose shares were dropped with it.
        package let contributed: [String]
        /// Why, in words for the log.
        package let reason: String
    }

    private struct Open {
        let offer: Offer
        /// Who asked for it, as the kernel says; nil where a ceremony did.
        let user: UInt32?
        var shares: [String: Share] = [:]
        /// Custodians whose share was right, in a drill; the shares are dropped.
        var proven: Set<String> = []

        var contributed: [String] { shares.keys.sorted() + proven.sorted() }

        func ended(_ reason: String) -> Ended {
            Ended(request: offer.request, contributed: contributed, reason: reason)
        }
    }

    private struct State {
        var open: [Open] = []
        /// What nobody has been told of yet.
        var ended: [Ended] = []

        mutating func end(_ reason: String, _ isMeant: (Open) -> Bool) {
            ended += open.filter(isMeant).map { $0.ended(reason) }
            open.removeAll(where: isMeant)
        }

        /// The request that makes room for one of a user: of those with fewest shares the oldest of his own, else of whoever has
        /// most open.
        ///
        /// Nobody can push out what others have asked for by asking again and again.
        func leastNeeded(for user: UInt32?) -> Open? {
            guard let fewest = open.map(\.shares.count).min() else { return nil }
            let candidates = open.filter { $0.shares.count == fewest }
            func count(_ request: Open) -> Int { open.filter { $0.user == request.user }.count }
            let most = candidates.map(count).max()
            return candidates.first { $0.user == user } ?? candidates.first { count($0) == most }
        }

        mutating func expire(_ now: UnixTime) { end("ran out") { $0.offer.request.expires <= now } }
    }

    /// How many requests may be open; beyond, one that has fewest shares gives way (`State.leastNeeded`).
    private static let mostRequests = 8
    /// How long a request is open, in seconds.
    package static let defaultLifetime: Int64 = 1800
    /// The longest a request may be open, in seconds.
    package static let longestLifetime: Int64 = 28_800

    private let chain: ManifestChain
    private let hostKey: SSHPrivateKey
    private let build: String
    private let identity: AgeIdentity
    private let clock: @Sendable () -> UnixTime
    private let state = Mutex(State())

    /// A desk for the manifest in force; the host key must be the one that it names.
    package init(
        chain: ManifestChain, hostKey: SSHPrivateKey, build: String, clock: @escaping @Sendable () -> UnixTime
    ) throws(CustodyError) {
        try chain.check(hostKey: hostKey)
        self.chain = chain
        self.hostKey = hostKey
        self.build = build
        self.clock = clock
        identity = try AgeIdentity()
    }

    /// Opens a request; `ceremony` is the one that needs the shares for something else than an activation.
    ///
    /// `user` is who asks, as the kernel says; nil where a ceremony does.
    package func offer(
        lifetime: Int64, ceremony: String? = nil, user: UInt32? = nil, random: (Int) -> [UInt8]
    ) throws(CustodyError) -> Offer {
        guard (60...ActivationDesk.longestLifetime).contains(lifetime) else {
            throw CustodyError(.malformed, "a request is open for 60 to \(ActivationDesk.longestLifetime) seconds")
        }
        let (now, manifest) = (clock(), chain.current)
        let request = ActivationRequest(
            appliance: manifest.appliance, nonce: Hexadecimal.string(random(16)),
            recipient: identity.recipient.description, build: build, genesis: chain.genesisHash,
            manifest: manifest.hash, manifestVersion: manifest.version, epoch: manifest.activation?.epoch ?? 0,
            tokens: manifest.tokens.map(\.serial), created: now, expires: now.adding(seconds: lifetime),
            ceremony: ceremony)
        let offer = Offer(
            request: request,
            signature: try hostKey.sign(request.bytes, namespace: SignaturePurpose.request.namespace))
        state.withLock { state in
            state.expire(now)
            // Nobody can occupy the places of others for long: an empty request gives way to a new one.
            if state.open.count >= ActivationDesk.mostRequests,
                let least = state.leastNeeded(for: user)?.offer.request.hash
            {
                state.end("gave way to a newer request") { $0.offer.request.hash == least }
            }
            state.open.append(Open(offer: offer, user: user))
        }
        return offer
    }

    /// Takes a custodian's share: an age file to the request's recipient, and the custodian's signature over it.
    ///
    /// What is wrong, stale, replayed or another's is refused and named, and changes nothing.
    package func contribute(file: [UInt8], signature text: String) throws(CustodyError) -> Outcome {
        let signature = try SSHSignature(armored: text)
        guard let hash = SignaturePurpose.request(ofContribution: signature.namespace) else {
            throw CustodyError(
                .wrongNamespace, "the signature is for \(signature.namespace.prefix(128)), not for a contribution")
        }
        let person = try Quorum.signer(
            of: file, signature: text, for: .contribution(request: hash), among: chain.current.custodians)
        let now = clock()
        let isOpen = state.withLock { state in
            state.expire(now)
            return state.open.contains { $0.offer.request.hash == hash }
        }
        guard isOpen else {
            throw CustodyError(
                .stale, "\(person.name)'s contribution is for the request \(hash.prefix(16)), which is not open here")
        }
        let share = try openShare(file, of: person.name)
        let collected = try state.withLock { (state) throws(CustodyError) -> Open in
            guard let index = state.open.firstIndex(where: { $0.offer.request.hash == hash }) else {
                throw CustodyError(.stale, "the request was closed meanwhile")
            }
            guard !state.open[index].contributed.contains(person.name) else {
                throw CustodyError(.repeated, "\(person.name) has contributed already; one person counts once")
            }
            if state.open[index].offer.request.isDrill {
                state.open[index].proven.insert(person.name)
                return state.open[index]
            }
            state.open[index].shares[person.name] = share
            guard state.open[index].shares.count >= Int(share.threshold) else { return state.open[index] }
            // Whoever completes a request closes them all: one winner, and no share is kept.
            let complete = state.open.remove(at: index)
            state.end("another request was completed") { _ in true }
            return complete
        }
        guard collected.shares.count >= Int(share.threshold) else { return .waiting(progress(of: collected)) }
        let names = collected.shares.keys.sorted()
        let secret = try Share.combine(collected.shares.values.sorted { $0.index < $1.index })
        return .complete(secret: secret, contributors: names, request: hash)
    }

    /// Closes a request and forgets its shares.
    package func cancel(request hash: String) throws(CustodyError) {
        try state.withLock { (state) throws(CustodyError) in
            guard let index = state.open.firstIndex(where: { $0.offer.request.hash == hash }) else {
                throw CustodyError(.stale, "the request \(hash.prefix(16)) is not open here")
            }
            state.open.remove(at: index)
        }
    }

    /// Closes every request and forgets every share.
    package func closeAll(_ reason: String) { state.withLock { $0.end(reason) { _ in true } } }

    /// Requests that ended by themselves since this was last asked: run out, displaced, or closed with the others.
    package func takeEnded() -> [Ended] {
        let now = clock()
        return state.withLock { state in
            state.expire(now)
            defer { state.ended = [] }
            return state.ended
        }
    }

    /// The open requests, oldest first.
    package var progress: [ActivationProgress] {
        let now = clock()
        return state.withLock { state in
            state.expire(now)
            return state.open.map { progress(of: $0) }
        }
    }

    /// The manifest whose custodians are asked.
    package var manifest: Manifest { chain.current }
    /// The manifests that custodians check a request with.
    package var manifests: [Manifest] { chain.manifests }

    private func progress(of open: Open) -> ActivationProgress {
        ActivationProgress(
            request: open.offer.request, signature: open.offer.signature, contributed: open.contributed,
            missing: chain.current.custodians.map(\.name).filter { !open.contributed.contains($0) },
            threshold: Int(chain.current.threshold))
    }

    /// Opens the file and holds the share against what the manifest says of this custodian's.
    private func openShare(_ file: [UInt8], of name: String) throws(CustodyError) -> Share {
        let share: Share
        do {
            share = try Share(decoding: try AgeFile.decrypt(file, with: identity))
        } catch {
            throw CustodyError(
                error.code == .systemRefused ? error.code : .wrongShare,
                "\(name)'s contribution cannot be opened here: \(error.reason)")
        }
        let manifest = chain.current
        guard share.appliance == manifest.appliance else {
            throw CustodyError(.foreign, "\(name)'s share is of another appliance")
        }
        guard Int64(share.epoch) == manifest.activation?.epoch else {
            throw CustodyError(
                .stale,
                "\(name)'s share is of epoch \(share.epoch), which is not the one in force: use the newest share")
        }
        guard let expected = manifest.activation?.shares.first(where: { $0.custodian == name }),
            expected.index == Int64(share.index), expected.commitment == share.commitment,
            Int64(share.threshold) == manifest.threshold
        else { throw CustodyError(.wrongShare, "\(name)'s share is not the one that was made for \(name)") }
        return share
    }
}
