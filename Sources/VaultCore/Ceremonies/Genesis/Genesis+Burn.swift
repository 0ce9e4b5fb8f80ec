import Custody
import HSMBridge
import StrictEncoding

extension Genesis {
    /// Sets a random security officer's PIN and forgets it.
    func burnStep(_ index: Int) -> CeremonyStep {
        let token = plan.tokens[index]
        return CeremonyStep(
            name: name("so-pin", index), title: "Burn the SO PIN of the token \(title(index))",
            act: {
                // Nothing to do where somebody died right after the change.
                guard try await !self.isBurnt(index) else { return }
                _ = try await self.site.child.run(
                    .changeOfficerPIN(uri: try self.token(index).uri), module: token.module,
                    secrets: [try self.officerPIN(index), try Genesis.randomPIN(longest: 32)])
            },
            verify: {
                guard try await self.isBurnt(index) else { return nil }
                return ["token": .string(try self.token(index).serial), "so_pin": "burnt"]
            }, leaves: "the SO PIN is gone: the token can be cleared by its owner alone",
            leavesInPart: "the SO PIN may be gone: if so, the token can be cleared by its owner alone")
    }

    /// Whether the SO PIN of the file is refused: changing it to itself changes nothing where it is not.
    private func isBurnt(_ index: Int) async throws -> Bool {
        let pin = try officerPIN(index)
        do throws(HSMError) {
            _ = try await site.child.run(
                .changeOfficerPIN(uri: plan.tokens[index].uri), module: plan.tokens[index].module, secrets: [pin, pin])
            return false
        } catch {
            guard error.code == .pinRefused else { throw error }
            return true
        }
    }
}
