import Custody
import HSMBridge
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
    }

    private let state = Mutex(State())

    /// Reads or changes what is held.
    func withLock<Answer>(_ body: (inout State) throws -> Answer) rethrows -> Answer {
        try state.withLock { try body(&$0) }
    }

    /// Overwrites the secrets and closes what is open.
    func forget() async {
        let (transport, hsm) = state.withLock { state in
            defer { state = State() }
            return (state.transport, state.hsm)
        }
        await transport?.close()
        _ = await hsm?.shutdown()
    }
}
