internal import Synchronization

/// Measures what a token can sign: plain C_Sign loops beside the bridge's lanes, in one process.
///
/// The plain loop is the ceiling: sessions of their own, one input, no queue, no hash, no check. The lanes are measured
/// with their check of each signature, as they always work, and without it, which exists here alone and releases nothing.
package struct SignatureBenchmark: Sendable {
    /// Requests that wait for each lane at any time.
    private static let depth = 8

    static let message = [UInt8](repeating: 0x61, count: 512)

    let hsm: HSM
    let reference: KeyReference
    private var lanes: Int { hsm.lanes }

    /// A benchmark of one key of an open token, by the lanes it has; the plain loop has as many threads.
    package init(hsm: HSM, reference: KeyReference) {
        self.hsm = hsm
        self.reference = reference
    }

    /// Refuses a number of lanes for which the token has no room: their sessions, as many for plain loops, and the login's.
    package static func demandSessions(for lanes: Int, of token: TokenInfo) throws(HSMError) {
        let needed = 2 * lanes + 1
        guard let most = token.maximumSessions, most < needed else { return }
        throw HSMError(
            .device, function: CryptokiFunction.openSession.rawValue, returnValue: .sessionCount,
            context:
                "the token \(token.label) allows \(most) sessions, and \(lanes) lanes beside as many plain loops need "
                + "\(needed)")
    }

    /// Signatures a second of plain C_SignInit and C_Sign loops, each on a thread and a session of its own.
    package func loops(for duration: Duration) async throws(HSMError) -> SignatureRate {
        let start = SignatureRate.Start()
        let end = ContinuousClock.now + duration
        let counts = await withTaskGroup(of: Result<Int, HSMError>.self) { tasks in
            for _ in 0..<lanes {
                tasks.addTask {
                    do throws(HSMError) {
                        return .success(
                            try await DedicatedThread.run("bench") { () throws(HSMError) in
                                try self.loop(until: end)
                            })
                    } catch {
                        return .failure(error)
                    }
                }
            }
            return await tasks.reduce(into: [Result<Int, HSMError>]()) { $0.append($1) }
        }
        var total = 0
        for count in counts { total += try count.get() }
        return start.rate(of: total)
    }

    private func loop(until deadline: ContinuousClock.Instant) throws(HSMError) -> Int {
        let session = try hsm.login.openSession()
        let handle = try session.locate(reference, profile: hsm.profile, generation: 0)
        var room = [UInt8](repeating: 0, count: 1024)
        var input: [UInt8] = []
        SigningInput(Self.message, algorithm: reference.algorithm)
            .write(to: &input, message: Self.message, mechanism: handle.mechanism)
        var count = 0
        while ContinuousClock.now < deadline {
            _ = try session.sign(input, with: handle.mechanism, key: handle.object, into: &room)
            count += 1
        }
        return count
    }

    /// Signatures a second through the bridge's lanes, each checked on the host: what the appliance does.
    package func bridge(for duration: Duration) async throws(HSMError) -> SignatureRate {
        let key = try await hsm.signingKey(reference)
        return try await rate(for: duration) { completion in
            key.sign(Self.message, deadline: .now + .seconds(60)) { completion($0.map { _ in }) }
        }
    }

    /// Signatures a second through the lanes without the host's check.
    package func uncheckedBridge(for duration: Duration) async throws(HSMError) -> SignatureRate {
        let key = try await hsm.signingKey(reference).path.key
        return try await rate(for: duration) { completion in
            hsm.pool.submit(
                .unchecked(Self.message, with: key, completion: completion), workClass: .minting,
                kind: .signature(reference.algorithm), deadline: .now + .seconds(60))
        }
    }

    /// Keeps the lanes busy: whatever ends makes the next request, on the thread it ends on.
    private func rate(
        for duration: Duration, of request: @escaping @Sendable (@escaping BenchmarkChain.Completion) -> Void
    ) async throws(HSMError) -> SignatureRate {
        let start = SignatureRate.Start()
        let chain = BenchmarkChain(until: .now + duration, request)
        return start.rate(of: try await chain.run(inFlight: Self.depth * lanes).get())
    }
}
