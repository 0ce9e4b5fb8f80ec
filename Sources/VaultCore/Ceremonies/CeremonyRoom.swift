package import Custody
import Synchronization

/// Where the running core keeps its ceremonies apart: one call after the other, and what is in memory by ceremony.
package final class CeremonyRoom: Sendable {
    /// What the steps of ceremonies are given by their surroundings.
    package struct Equipment: Sendable {
        /// Runs what needs a process of its own.
        package var child = TokenChild()
        /// Tests throw here, as if the process had died.
        package var pass: @Sendable (CeremonyPoint) throws(CustodyError) -> Void = { _ in }

        init() {}
    }

    /// Calls, one at a time: no two touch a ceremony, or a token by a ceremony, at once.
    let turns = Turns()
    private let held = Mutex(Equipment())
    private let memories = Mutex<[String: CeremonyMemory]>([:])

    /// An empty room.
    package init() {}

    /// What steps work with.
    package var equipment: Equipment {
        get { held.withLock { $0 } }
        set { held.withLock { $0 = newValue } }
    }

    /// What this process holds of a ceremony.
    func memory(of id: String) -> CeremonyMemory {
        memories.withLock { memories in
            if let memory = memories[id] { return memory }
            let memory = CeremonyMemory()
            memories[id] = memory
            return memory
        }
    }

    /// The ceremony that has asked custodians with this request.
    func ceremony(asking hash: String) -> String? {
        memories.withLock { memories in
            memories.first { $0.value.withLock { $0.offer?.request.hash == hash } }?.key
        }
    }

    /// What ceremonies ask custodians for now.
    var requests: [ActivationProgress] {
        memories.withLock { memories in
            memories.sorted { $0.key < $1.key }.flatMap { memory in memory.value.withLock { $0.desk?.progress ?? [] } }
        }
    }

    /// Drops everything that is in memory of a ceremony.
    func forget(_ id: String) async {
        await memories.withLock { $0.removeValue(forKey: id) }?.forget()
    }

    /// Drops everything that is in memory of every ceremony, as when the core stops or is sealed.
    func forgetAll() async {
        let all = memories.withLock { memories in
            defer { memories = [:] }
            return Array(memories.values)
        }
        for memory in all { await memory.forget() }
    }
}
