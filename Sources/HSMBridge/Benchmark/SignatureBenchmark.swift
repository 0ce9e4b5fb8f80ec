internal import Synchronization

/// Measures what a token can sign: plain C_Sign loops beside the bridge's lanes, in one process.
///
/// The plain loop is the ceiling: sessions of their own, no queue, no check. With the host's check of each signature it
/// shows what checking costs; the bridge always checks.
package struct SignatureBenchmark: Sendable {
    private static let message = [UInt8](repeating: 0x61, count: 512)

    private let hsm: HSM
    private let reference: KeyReference

    /// A benchmark of one key of an open token.
    package init(hsm: HSM, reference: KeyReference) {
        self.hsm = hsm
        self.reference = reference
    }

    /// Signatures a second of `threads` plain loops, each on a session of its own.
    package func loops(
        threads: Int, for duration: Duration, checking: Bool
    ) async throws(HSMError) -> Double {
        let deadline = ContinuousClock.now + duration
        let started = ContinuousClock.now
        let counts = await withTaskGroup(of: Result<Int, HSMError>.self) { tasks in
            for _ in 0..<threads {
                tasks.addTask {
                    do throws(HSMError) {
                        return .success(
                            try await DedicatedThread.run("bench") { () throws(HSMError) in
                                try self.loop(until: deadline, checking: checking)
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
        return Double(total) / ((ContinuousClock.now - started) / .seconds(1))
    }

    private func loop(until deadline: ContinuousClock.Instant, checking: Bool) throws(HSMError) -> Int {
        let session = try hsm.login.openSession()
        let handle = try session.locate(reference, profile: hsm.profile, generation: 0)
        let verifier = try SignatureVerifier(reference.publicKey, algorithm: reference.algorithm)
        var room = [UInt8](repeating: 0, count: 1024)
        var input: [UInt8] = []
        var count = 0
        while ContinuousClock.now < deadline {
            let prepared = SigningInput(Self.message, algorithm: reference.algorithm)
            prepared.write(to: &input, message: Self.message, mechanism: handle.mechanism)
            let length = try session.sign(input, with: handle.mechanism, key: handle.object, into: &room)
            if checking, !verifier.accepts(Array(room[..<length]), for: prepared) {
                throw HSMError(.wrongSignature, context: reference.label)
            }
            count += 1
        }
        return count
    }

    /// Signatures a second through the bridge's lanes with `inFlight` requests waiting at any time.
    package func lanes(inFlight: Int, for duration: Duration) async throws(HSMError) -> Double {
        let key = try await hsm.signingKey(reference)
        let started = ContinuousClock.now
        let end = started + duration
        let counts = await withTaskGroup(of: Result<Int, HSMError>.self) { tasks in
            for _ in 0..<inFlight {
                tasks.addTask {
                    var count = 0
                    do throws(HSMError) {
                        while ContinuousClock.now < end {
                            _ = try await key.sign(Self.message, deadline: .now + .seconds(30))
                            count += 1
                        }
                        return .success(count)
                    } catch {
                        return .failure(error)
                    }
                }
            }
            return await tasks.reduce(into: [Result<Int, HSMError>]()) { $0.append($1) }
        }
        var total = 0
        for count in counts { total += try count.get() }
        return Double(total) / ((ContinuousClock.now - started) / .seconds(1))
    }
}
