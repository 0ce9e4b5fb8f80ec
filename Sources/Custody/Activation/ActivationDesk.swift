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

    private struct Open {
        let offer: Offer
        var shares: [String: Share] = [:]
    }

    /// How many requests may be open; beyond, the oldest that has fewest shares gives way.
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
    private let open = Mutex<[Open]>([])

    /// A desk for the manifest in force; the host key must be the one that it names.
    package init(
        chain: ManifestChain, hostKey: SSHPrivateKey, build: String, clock: @escaping @Sendable () -> UnixTime
    ) throws(CustodyError) {
        guard let line = chain.current.hostKey, try SSHPublicKey(line: line) == hostKey.publicKey else {
            throw CustodyError(
                .foreign, "the host key \(hostKey.publicKey.fingerprint) is not the one that the manifest names")
        }
        self.chain = chain
        self.hostKey = hostKey
        self.build = build
        self.clock = clock
        identity = try AgeIdentity()
    }

    /// Opens a request.
    package func offer(lifetime: Int64, random: (Int) -> [UInt8]) throws(CustodyError) -> Offer {
        guard (60...ActivationDesk.longestLifetime).contains(lifetime) else {
            throw CustodyError(.malformed, "a request is open for 60 to \(ActivationDesk.longestLifetime) seconds")
        }
        let (now, manifest) = (clock(), chain.current)
        let request = ActivationRequest(
            appliance: manifest.appliance, nonce: Hexadecimal.string(random(16)),
            recipient: identity.recipient.description, build: build, genesis: chain.genesisHash,
            manifest: manifest.hash, manifestVersion: manifest.version, epoch: manifest.activation?.epoch ?? 0,
            tokens: manifest.tokens.map(\.serial), created: now, expires: now.adding(seconds: lifetime))
        let offer = Offer(
            request: request,
            signature: try hostKey.sign(request.bytes, namespace: SignaturePurpose.request.namespace))
        open.withLock { open in
            open.removeAll { $0.offer.request.expires <= now }
            // Nobody can occupy the places of others for long: an empty request gives way to a new one.
            if open.count >= ActivationDesk.mostRequests,
                let least = open.indices.min(by: { open[$0].shares.count < open[$1].shares.count })
            {
                open.remove(at: least)
            }
            open.append(Open(offer: offer))
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
        let isOpen = open.withLock { open in
            open.removeAll { $0.offer.request.expires <= now }
            return open.contains { $0.offer.request.hash == hash }
        }
        guard isOpen else {
            throw CustodyError(
                .stale, "\(person.name)'s contribution is for the request \(hash.prefix(16)), which is not open here")
        }
        let share = try openShare(file, of: person.name)
        let collected = try open.withLock { (open) throws(CustodyError) -> Open in
            guard let index = open.firstIndex(where: { $0.offer.request.hash == hash }) else {
                throw CustodyError(.stale, "the request was closed meanwhile")
            }
            guard open[index].shares[person.name] == nil else {
                throw CustodyError(.repeated, "\(person.name) has contributed already; one person counts once")
            }
            open[index].shares[person.name] = share
            guard open[index].shares.count >= Int(share.threshold) else { return open[index] }
            // Whoever completes a request closes them all: one winner, and no share is kept.
            let complete = open[index]
            open = []
            return complete
        }
        guard collected.shares.count >= Int(share.threshold) else { return .waiting(progress(of: collected)) }
        let names = collected.shares.keys.sorted()
        let secret = try Share.combine(collected.shares.values.sorted { $0.index < $1.index })
        return .complete(secret: secret, contributors: names, request: hash)
    }

    /// Closes a request and forgets its shares.
    package func cancel(request hash: String) throws(CustodyError) {
        try open.withLock { (open) throws(CustodyError) in
            guard let index = open.firstIndex(where: { $0.offer.request.hash == hash }) else {
                throw CustodyError(.stale, "the request \(hash.prefix(16)) is not open here")
            }
            open.remove(at: index)
        }
    }

    /// The open requests, oldest first.
    package var progress: [ActivationProgress] {
        let now = clock()
        return open.withLock { open in
            open.removeAll { $0.offer.request.expires <= now }
            return open.map { progress(of: $0) }
        }
    }

    /// The manifest whose custodians are asked.
    package var manifest: Manifest { chain.current }
    /// The manifests that custodians check a request with.
    package var manifests: [Manifest] { chain.manifests }

    private func progress(of open: Open) -> ActivationProgress {
        ActivationProgress(
            request: open.offer.request, contributed: open.shares.keys.sorted(),
            missing: chain.current.custodians.map(\.name).filter { open.shares[$0] == nil },
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
