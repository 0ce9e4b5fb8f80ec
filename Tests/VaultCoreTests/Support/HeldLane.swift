import Dispatch

@testable import HSMBridge
@testable import VaultCore

extension VaultCore {
    /// The HSM of a core with one token.
    var hsm: HSM { hsms.open[0] }
}

/// The one lane of an HSM, kept busy: what is to be signed waits in the queue until the lane is released.
final class HeldLane: Sendable {
    private let gate: DispatchSemaphore
    private let work: Task<Void, Never>

    /// Holds the lane, which does not count as hung however long a busy machine takes.
    init(_ hsm: HSM) async {
        let gate = DispatchSemaphore(value: 0)
        let (started, start) = AsyncStream<Void>.makeStream()
        self.gate = gate
        work = Task {
            _ = try? await hsm.submit(within: .seconds(60), patience: .seconds(600), isExclusive: false) {
                (_) throws(HSMError) in
                start.finish()
                gate.wait()
            }
        }
        for await _ in started {}
    }

    /// Lets the lane go on with what waits.
    func release() async {
        gate.signal()
        await work.value
    }
}
