package import Custody
import StrictEncoding
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
    private let looks = Mutex(0)

    /// An empty room.
    package init() {}

    /// What steps work with.
    package var equipment: Equipment {
        get { held.withLock { $0 } }
        set { held.withLock { $0 = newValue } }
    }

    /// What this process holds of a ceremony, which ends at `end`.
    func memory(of id: String, until end: UnixTime) -> CeremonyMemory {
        memories.withLock { memories in
            if let memory = memories[id] { return memory }
            let memory = CeremonyMemory(until: end)
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

    /// True at the first time of so many that it is asked.
    func isTimeToLook(each count: Int) -> Bool {
        looks.withLock { looks in
            defer { looks = (looks + 1) % count }
            return looks == 0
        }
    }

    /// Where ceremonies take shares now.
    var desks: [ActivationDesk] {
        memories.withLock { memories in
            memories.sorted { $0.key < $1.key }.compactMap { memory in memory.value.withLock { $0.desk } }
        }
    }

    /// Drops everything that is in memory of a ceremony; returns the desk that was closed with it.
    @discardableResult
    func forget(_ id: String, _ reason: String = "the ceremony has ended") async -> ActivationDesk? {
        await memories.withLock { $0.removeValue(forKey: id) }?.forget(reason)
    }

    /// Drops everything that is in memory of every ceremony, as when the core stops or is sealed.
    @discardableResult
    func forgetAll(_ reason: String) async -> [ActivationDesk] {
        let all = memories.withLock { memories in
            defer { memories = [:] }
            return Array(memories.values)
        }
        return await forget(all, reason)
    }

    /// Drops what is held of ceremonies whose time ran out.
    ///
    /// A step that is at work then and needs it fails, and asks the people again where it must be finished.
    func forgetExpired(_ now: UnixTime) async -> [ActivationDesk] {
        let expired = memories.withLock { memories in
            let ids = memories.filter { $0.value.withLock { !$0.isEmpty && $0.until <= now } }.keys
            return ids.compactMap { memories.removeValue(forKey: $0) }
        }
        return await forget(expired, "the time of the ceremony ran out")
    }

    /// Drops the memory of ceremonies of which nothing is held.
    func forgetEmpty() {
        memories.withLock { memories in memories = memories.filter { !$0.value.withLock { $0.isEmpty } } }
    }

    private func forget(_ memories: [CeremonyMemory], _ reason: String) async -> [ActivationDesk] {
        var desks: [ActivationDesk] = []
        for memory in memories {
            if let desk = await memory.forget(reason) { desks.append(desk) }
        }
        return desks
    }
}
