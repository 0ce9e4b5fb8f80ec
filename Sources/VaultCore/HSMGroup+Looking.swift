import Custody
import HSMBridge
import Logging
import Synchronization

/// Whether the tokens of a sealed core are there, before people are called for them; no PIN is needed to see that.
extension HSMGroup {
    /// Looks once for every token, side by side, and remembers what is wrong with each.
    ///
    /// With the limit it returns, whatever has not answered; that is looked for no second time meanwhile.
    func look(within limit: Duration) async {
        let begun = state.withLock { state -> (generation: Int, manifest: Manifest, stale: Set<String>)? in
            guard case .none = state.pins, !state.isStopping, !state.isLooking else { return nil }
            state.isLooking = true
            let away = settings.tokens.indices.filter { state.members[$0].problem != nil }
            return (state.generation, state.manifest, Set(away.map { settings.tokens[$0].module }))
        }
        guard let begun else { return }
        let (ends, end) = AsyncStream<Void>.makeStream()
        let looking = Task {
            // A library may know only the tokens that were there when it started.
            for module in begun.stale { try? await Module.release(path: module) }
            await withTaskGroup(of: Void.self) { group in
                for index in settings.tokens.indices {
                    group.addTask { await self.look(for: index, begun.manifest, begun.generation) }
                }
            }
            state.withLock { $0.isLooking = false }
            end.finish()
        }
        let timer = Task {
            try? await Task.sleep(for: limit)
            end.finish()
        }
        for await _ in ends {}
        timer.cancel()
        _ = looking
    }

    private func look(for index: Int, _ manifest: Manifest, _ generation: Int) async {
        var (serial, problem): (String?, StartError?) = (nil, nil)
        do throws(StartError) {
            serial = try await HSM.find(settings.tokens[index], settings: settings, manifest: manifest).info.serial
        } catch {
            problem = error
        }
        let isNews = state.withLock { state in
            // An activation that was begun meanwhile finds out for itself.
            guard case .none = state.pins, state.generation == generation, !state.isStopping else { return false }
            let isNews = problem != nil && state.members[index].problem != problem
            (state.members[index].found, state.members[index].problem) = (serial, problem)
            return isNews
        }
        if isNews, let problem { logger.warning("a token is not there", metadata: ["reason": "\(problem)"]) }
    }

    /// Looks for the tokens as a core starts sealed; a library that cannot be loaded, or a URI that is none, stops it.
    ///
    /// A token that is away is a fault, since it may come; so is a library as long as there is another token.
    func lookAtStart() async throws(StartError) {
        await look(within: timing.grace)
        let problems = state.withLock { $0.members.map(\.problem) }
        if let mistake = problems.compactMap({ $0 }).first(where: \.isPermanent) { throw mistake }
        let libraries = zip(settings.tokens, problems).compactMap { token, problem in
            problem?.field == "\(token.field).module" ? problem : nil
        }
        if let first = libraries.first, libraries.count == problems.count { throw first }
    }

    /// Whether some token that was looked for was not found.
    var isIncomplete: Bool { state.withLock { $0.members.contains { $0.hsm == nil && $0.problem != nil } } }

    /// Why an activation would come to nothing, as far as is known: a token is missing without which the core cannot work.
    var hindrance: StartError? {
        let (members, manifest) = state.withLock { ($0.members, $0.manifest) }
        guard let problem = members.compactMap(\.problem).first else { return nil }
        var there: Set<String> = []
        for (token, member) in zip(settings.tokens, members) where member.problem == nil {
            // One that has not answered may be any that its URI names.
            let named = manifest.tokens.filter { HSMStanding.uri(token.uri, names: $0) }.map(\.serial)
            there.formUnion(member.found.map { [$0] } ?? named)
        }
        func holds(_ purpose: ManifestKey.Purpose) -> Bool {
            let keys = manifest.keys.filter { $0.purpose == purpose && $0.state == .active }
            return keys.isEmpty || keys.contains { there.contains($0.token) }
        }
        return holds(.signing) && holds(.checkpoint) ? nil : problem
    }
}
