import Custody
import HSMBridge
import Logging
import Synchronization

extension HSMGroup {
    /// Takes the tokens of one library out of use for as long as `work` takes, and finalises the library, so that another
    /// process may change a PIN or make a token; then they are opened again.
    ///
    /// `work` returns PINs that are new, by serial number. Tokens of other libraries go on signing.
    func whileReleased(
        library path: String, _ work: () async throws -> [String: LockedBytes]
    ) async throws {
        let indices = settings.tokens.indices.filter { settings.tokens[$0].module == path }
        guard await stopTrying(indices) else {
            await tryAgain(indices)
            throw CustodyError(.wrongState, "an opening hangs in \(path): see status before anything else")
        }
        let open = state.withLock { state in
            let open = indices.compactMap { state.members[$0].hsm }
            state.generation += 1
            for index in indices { state.members[index] = Member() }
            state.collectKeys()
            return open
        }
        logger.notice("the tokens of a library are out of use for a ceremony", metadata: ["library": "\(path)"])
        var failure: (any Error)?
        do {
            await askHanging()
            await giveUp(open)
            guard state.withLock({ state in !state.hanging.contains { hsm in open.contains { $0 === hsm } } }) else {
                throw CustodyError(.wrongState, "a call hangs in \(path): see status before anything else")
            }
            try await Module.release(path: path)
            let fresh = try await work()
            state.withLock { state in
                guard case .activated(let pins) = state.pins else { return }
                state.pins = .activated(pins.merging(fresh) { $1 })
            }
        } catch {
            failure = error
        }
        await reopen(indices)
        if let failure { throw failure }
    }

    /// How a token of the manifest is reached, and no other: library and URI.
    func configured(_ serial: String) throws -> (module: String, uri: String) {
        guard let token = standings.first(where: { $0.serial == serial })?.settings else {
            throw CustodyError(
                .wrongState,
                "no token of the configuration has the serial \(serial): add it below hsm, and restart the core")
        }
        return (token.module, try TokenURI(token.uri).pinned(serial: serial).description)
    }

    /// Holds the PIN of a token that custodians have added while the core is alive, and opens what is not open.
    func hold(_ pin: LockedBytes, of serial: String) async {
        let indices = state.withLock { state -> [Int] in
            guard case .activated(let pins) = state.pins else { return [] }
            state.pins = .activated(pins.merging([serial: pin]) { $1 })
            return state.members.indices.filter { state.members[$0].hsm == nil }
        }
        await reopen(indices)
    }

    /// Takes a token out of service that the manifest names no more, and forgets its PIN.
    func dismiss(_ serial: String) async {
        let hsm = state.withLock { state -> HSM? in
            if case .activated(var pins) = state.pins {
                pins[serial] = nil
                state.pins = .activated(pins)
            }
            guard let index = state.members.firstIndex(where: { $0.hsm?.profile.info.serial == serial }) else {
                return nil
            }
            let hsm = state.members[index].hsm
            state.members[index] = Member()
            state.collectKeys()
            return hsm
        }
        if let hsm { await giveUp([hsm]) }
    }
}
