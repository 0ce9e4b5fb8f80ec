import Synchronization

/// The checks of one run, in order.
final class ConformanceNotes: Sendable {
    private let list = Mutex<[ConformanceCheck]>([])
    private let progress: @Sendable (ConformanceCheck) -> Void

    init(_ progress: @escaping @Sendable (ConformanceCheck) -> Void) { self.progress = progress }

    var checks: [ConformanceCheck] { list.withLock { $0 } }

    func add(_ name: String, _ outcome: ConformanceCheck.Outcome) {
        let check = ConformanceCheck(name: name, outcome: outcome)
        list.withLock { $0.append(check) }
        progress(check)
    }

    /// Does one check; true when it passed.
    @discardableResult
    func check(_ name: String, _ body: () async throws(ConformanceFailure) -> String?) async -> Bool {
        do throws(ConformanceFailure) {
            add(name, .passed(try await body()))
            return true
        } catch {
            add(name, .failed("\(error)"))
            return false
        }
    }
}
