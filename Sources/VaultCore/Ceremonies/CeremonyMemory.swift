import Custody
import HSMBridge
import StrictEncoding
import Synchronization

/// What one ceremony holds in the memory of this process, and nowhere else.
///
/// A process that dies forgets all of it: the step that needs it then asks the people again.
final class CeremonyMemory: Sendable {
    struct State {
        /// Where custodians' shares arrive.
        var desk: ActivationDesk?
        /// What the desk has asked for.
        var offer: ActivationDesk.Offer?
        /// The activation secret that enough custodians have contributed.
        var secret: LockedBytes?
        /// Who they were, or who has proven a share in a drill.
        var contributors: [String] = []
        /// PINs of tokens, by serial number, or of the one that comes anew.
        var pins: [String: LockedBytes] = [:]
        /// An import that has a transport key in its token.
        var transport: KeyImport?
        /// A token that only this ceremony has open.
        var hsm: HSM?
        /// How long anything of this may be held.
        var until: UnixTime

        /// Whether there is nothing that must be overwritten or closed.
        var isEmpty: Bool { desk == nil && secret == nil && pins.isEmpty && transport == nil && hsm == nil }
    }

    private let state: Mutex<State>

    /// Memory that is empty, for a ceremony that ends then.
    init(until: UnixTime) { state = Mutex(State(until: until)) }

    /// Reads or changes what is held.
    func withLock<Answer>(_ body: (inout State) throws -> Answer) rethrows -> Answer {
        try state.withLock { try body(&$0) }
    }

    /// Overwrites the secrets and closes what is open; returns the desk, whose requests have ended.
    @discardableResult
    func forget(_ reason: String) async -> ActivationDesk? {
        let (desk, transport, hsm) = state.withLock { state in
            defer { state = State(until: state.until) }
            return (state.desk, state.transport, state.hsm)
        }
        desk?.closeAll(reason)
        await transport?.close()
        _ = await hsm?.shutdown()
        return desk
    }
}
