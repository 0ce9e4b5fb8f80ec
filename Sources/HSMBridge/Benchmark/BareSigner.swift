internal import Dispatch
internal import Synchronization

/// Plain C_Sign behind a queue: the least that any server of signatures has to do, to hold the appliance against.
///
/// No deadline, no check of what the token signed, no record, and no failure is survived: for measurements alone.
package final class BareSigner: Sendable {
    private typealias Waiting = CheckedContinuation<Result<[UInt8], HSMError>, Never>

    private struct State {
        var waiting: [(message: [UInt8], continuation: Waiting)] = []
        var isStopped = false
    }

    private let hsm: HSM
    private let reference: KeyReference
    private let state = Mutex(State())
    private let bell = DispatchSemaphore(value: 0)
    private let threads: Int

    /// Threads with a session each, in front of one key of an open token.
    package init(hsm: HSM, reference: KeyReference, threads: Int) throws(HSMError) {
        self.hsm = hsm
        self.reference = reference
        self.threads = threads
        for number in 0..<threads { try DedicatedThread.start("bare-\(number)") { self.run() } }
    }

    /// One C_Sign.
    package func sign(_ message: [UInt8]) async throws(HSMError) -> [UInt8] {
        let result = await withCheckedContinuation { (continuation: Waiting) in
            state.withLock { $0.waiting.append((message, continuation)) }
            bell.signal()
        }
        return try result.get()
    }

    /// Ends the threads and the session with the token.
    package func stop() async {
        state.withLock { $0.isStopped = true }
        for _ in 0..<threads { bell.signal() }
        _ = await hsm.shutdown()
    }

    private func run() {
        do throws(HSMError) {
            let session = try hsm.login.openSession()
            let handle = try session.locate(reference, profile: hsm.profile, generation: 0)
            var room = [UInt8](repeating: 0, count: 1024)
            var input: [UInt8] = []
            while true {
                bell.wait()
                guard let job = state.withLock({ $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }) else {
                    if state.withLock({ $0.isStopped }) { return }
                    continue
                }
                let prepared = SigningInput(job.message, algorithm: reference.algorithm)
                prepared.write(to: &input, message: job.message, mechanism: handle.mechanism)
                job.continuation.resume(
                    returning: Result { () throws(HSMError) in
                        let count = try session.sign(
                            input, with: handle.mechanism, key: handle.object, into: &room)
                        return Array(room[..<count])
                    })
            }
        } catch {
            // Whoever waits is answered by nobody: a measurement that cannot open its session is worth nothing.
            preconditionFailure("the bare signer has no session: \(error)")
        }
    }
}
