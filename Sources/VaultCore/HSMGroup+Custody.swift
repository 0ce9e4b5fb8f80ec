import Custody
import HSMBridge
import Synchronization

extension HSMGroup {
    /// A manifest whose keys are found and have signed, before it is put in force.
    struct Binding: Sendable {
        fileprivate let manifest: Manifest
        fileprivate let generation: Int
        fileprivate let rings: [Int: KeyRing]
    }

    /// The PINs that custodians gave; nil while the core is sealed, and under development custody.
    var activatedPINs: [String: LockedBytes]? {
        state.withLock { state in
            guard case .activated(let pins) = state.pins else { return nil }
            return pins
        }
    }

    /// Opens the tokens with the PINs that custodians gave; when that is not enough to work with, everything is shut and
    /// the PINs are forgotten.
    func unseal(_ pins: [String: LockedBytes]) async throws(StartError) {
        state.withLock { state in
            state.pins = .activated(pins)
            for index in state.members.indices { state.members[index].problem = nil }
        }
        await tryAll(within: timing.patience)
        do throws(StartError) {
            try demandEnough()
        } catch {
            await seal(drainingFor: .zero)
            throw error
        }
    }

    /// Drains the lanes, logs out and forgets the PINs; false when a call hangs inside a PKCS#11 library.
    @discardableResult
    func seal(drainingFor limit: Duration) async -> Bool {
        let (attempts, open) = state.withLock { state in
            state.generation += 1
            state.pins = .none
            let open = state.members.compactMap(\.hsm)
            let attempts = state.attempts
            state.members = settings.tokens.map { _ in Member() }
            state.attempts = []
            state.collectKeys()
            return (attempts, open)
        }
        return await end(attempts, open, drainingFor: limit)
    }

    /// Finds every active key of another manifest in the tokens that are open, and has each new one sign once.
    func bind(_ manifest: Manifest) async throws(StartError) -> Binding {
        let (members, generation) = state.withLock { ($0.members, $0.generation) }
        var rings: [Int: KeyRing] = [:]
        for (index, member) in members.enumerated() {
            guard let hsm = member.hsm else { continue }
            rings[index] = try await KeyRing(manifest: manifest, hsm: hsm, file: settings.manifestFile)
        }
        return Binding(manifest: manifest, generation: generation, rings: rings)
    }

    /// Puts a manifest in force whose keys were bound; false when a token came or went meanwhile: bind again.
    func commit(_ binding: Binding) -> Bool {
        state.withLock { state in
            let open = Set(state.members.indices.filter { state.members[$0].hsm != nil })
            guard state.generation == binding.generation, open == Set(binding.rings.keys) else { return false }
            // A token that is being opened under the old manifest is opened again.
            state.generation += 1
            state.manifest = binding.manifest
            for (index, ring) in binding.rings { state.members[index].keys = ring }
            state.collectKeys()
            return true
        }
    }

    /// Takes keys out of use at once, without a word to any token.
    func withdraw(_ kids: Set<String>, under manifest: Manifest) {
        state.withLock { state in
            state.generation += 1
            state.manifest = manifest
            for index in state.members.indices { state.members[index].keys.remove(kids) }
            state.collectKeys()
        }
    }
}
