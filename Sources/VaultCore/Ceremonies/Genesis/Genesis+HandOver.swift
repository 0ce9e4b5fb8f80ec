import Custody
import HSMBridge
import StrictEncoding
import Synchronization

extension Genesis {
    /// What custodians get, and where their answers are put.
    private var request: String { directory.file("request") }

    /// The custodians prove that they can open their shares; only then the tokens get the PINs that nobody has seen.
    ///
    /// A process that dies here changes nothing that could be lost: the PINs are sealed, the shares are with the custodians,
    /// and the next process asks for them again.
    var handOverStep: CeremonyStep {
        CeremonyStep(
            name: ManifestSteps.handOver,
            title: "Have custodians contribute their shares, and set the tokens' final PINs",
            role: .custodians,
            check: {
                try await self.provePINs()
                let wait = try self.collect()
                return self.isComplete ? .ready : .waiting(wait)
            },
            act: { try await self.setPINs() },
            verify: { try await self.evidenceOfPINs() },
            leaves: "the tokens have their final PINs: the appliance is made, and custodians can activate it",
            leavesInPart: "tokens may have PINs that nobody knows: their owner initialises them", isFinal: true)
    }

    private var isComplete: Bool { secrets.withLock { $0.activation != nil } }

    /// Opens a request for shares in this process's memory, takes what has arrived, and says who is missing.
    private func collect() throws -> CeremonyWait {
        guard !isComplete else { return CeremonyWait(missing: [], needed: 0, what: "", files: []) }
        let desk = try desk()
        for (name, file) in try directory.contents(of: request, ending: ".age") {
            let path = "\(request)/\(name).age"
            guard directory.exists("\(path).sig") else { continue }
            let signature = String(decoding: try PrivateFile.readPublic("\(path).sig"), as: UTF8.self)
            do throws(CustodyError) {
                if case .complete(let secret, let contributors, _) = try desk.contribute(
                    file: file, signature: signature)
                {
                    secrets.withLock { ($0.activation, $0.contributors) = (secret, contributors) }
                }
            } catch {
                if error.code != .repeated { secrets.withLock { $0.refusals[name] = error.reason } }
            }
            // What was taken is in memory alone; what was refused is refused again.
            for file in [path, "\(path).sig"] { try PrivateFile.remove(file) }
        }
        return wait(desk)
    }

    private func wait(_ desk: ActivationDesk) -> CeremonyWait {
        guard let progress = desk.progress.first else {
            return CeremonyWait(missing: [], needed: 0, what: "enough custodians have contributed", files: [])
        }
        var what =
            "compare the words, then contribute: vault-appliance custodian contribute --request \(request); the two files "
            + "of each go into that directory"
        for (name, reason) in secrets.withLock({ $0.refusals }).sorted(by: { $0.key < $1.key }) {
            what += ". Refused, \(name): \(reason)"
        }
        var wait = CeremonyWait(
            missing: progress.missing, needed: max(0, progress.threshold - progress.contributed.count), what: what,
            files: [request], words: progress.request.words)
        wait.isLive = true
        return wait
    }

    private func desk() throws -> ActivationDesk {
        if let desk = secrets.withLock({ $0.desk }), !desk.progress.isEmpty { return desk }
        let chain = try site.custody.readChain()
        let desk = try ActivationDesk(
            chain: chain, hostKey: try site.custody.readHostKey(), build: try site.build(), clock: site.clock)
        let left = (ceremony.plan.expires.seconds - site.clock().seconds)
        let offer = try desk.offer(lifetime: max(60, min(left, ActivationDesk.longestLifetime))) { count in
            var generator = SystemRandomNumberGenerator()
            return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        }
        try RequestDirectory(offer.request, signature: offer.signature, chain: chain).write(to: request)
        secrets.withLock { ($0.desk, $0.refusals) = (desk, [:]) }
        return desk
    }

    /// Before anybody is called: the PINs at hand open the tokens.
    ///
    /// A person may have mistyped one.
    private func provePINs() async throws {
        guard !secrets.withLock({ $0.arePINsProven }), !wasBegunBefore(times: 1) else { return }
        for index in plan.tokens.indices where plan.tokens[index].preparation == .adopt {
            do {
                try Genesis.compare(try await inventory(index), with: try keys(index) ?? [], token: title(index))
            } catch {
                forgetPIN(index)
                throw error
            }
        }
        secrets.withLock { $0.arePINsProven = true }
    }

    /// Sets what is to be set; a token whose PIN is the final one already, since somebody died here, is left as it is.
    private func setPINs() async throws {
        let (secret, pins) = (try activation(), try site.custody.readPINs(epoch: 1))
        for index in plan.tokens.indices where plan.tokens[index].userPIN == .replace {
            let uri = try token(index).uri
            let final = try pins.unwrap(serial: try token(index).serial, under: secret)
            let module = plan.tokens[index].module
            if plan.tokens[index].preparation == .initialise {
                _ = try await site.child.run(
                    .setUserPIN(uri: uri), module: module, secrets: [try officerPIN(index), final])
            } else if try await !opens(index, final) {
                _ = try await site.child.run(
                    .changeUserPIN(uri: uri), module: module, secrets: [try await userPIN(index), final])
            }
            hold(final, index)
        }
    }

    /// Whether a fresh process can log in with a PIN; only where a wrong one costs one try of several.
    private func opens(_ index: Int, _ pin: LockedBytes) async throws -> Bool {
        guard wasBegunBefore(times: 2) else { return false }
        do throws(HSMError) {
            _ = try await site.child.run(
                .examine(uri: try uri(index)), module: plan.tokens[index].module, secrets: [pin])
            return true
        } catch {
            guard error.code == .pinRefused else { throw error }
            return false
        }
    }

    private func uri(_ index: Int) throws(HSMError) -> String {
        guard let token = try? token(index) else {
            throw HSMError(.tokenNotFound, function: nil, returnValue: nil, context: nil)
        }
        return token.uri
    }

    /// Whether an earlier process may have set PINs.
    private func wasBegunBefore(times: Int) -> Bool {
        let transcript = try? directory.loadTranscript(plan: ceremony.plan)
        return (transcript?.lines ?? []).filter { $0.event == .begun && $0.step == ManifestSteps.handOver }.count
            >= times
    }

    private func activation() throws -> LockedBytes {
        guard let secret = secrets.withLock({ $0.activation }) else {
            throw CustodyError(.tooFew, "the custodians' shares are not here any more: they contribute again")
        }
        return secret
    }

    /// Every sealed PIN opens its token in a fresh process, which sees exactly the keys that were made.
    private func evidenceOfPINs() async throws -> JSONObject? {
        // Without the custodians nobody can know: the step is taken again, and they are asked again.
        guard let secret = secrets.withLock({ $0.activation }) else { return nil }
        let pins = try site.custody.readPINs(epoch: 1)
        var opened: [JSONValue] = []
        for index in plan.tokens.indices {
            let token = try token(index)
            let pin = try pins.unwrap(serial: token.serial, under: secret)
            let report = try await site.child.run(
                .examine(uri: token.uri), module: plan.tokens[index].module, secrets: [pin])
            try Genesis.compare(report.objects ?? [], with: try keys(index) ?? [], token: token.label)
            opened.append([
                "token": .string(token.serial), "pin": .string(plan.tokens[index].userPIN.rawValue),
                "objects": .integer(Int64(report.objects?.count ?? 0)),
            ])
        }
        let contributors = secrets.withLock { $0.contributors }
        return [
            "contributed": .array(contributors.map { .string($0) }), "tokens": .array(opened),
            "verified_in": "a fresh process",
        ]
    }
}
