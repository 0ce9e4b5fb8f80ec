import Custody
import Foundation
import StrictEncoding
import Testing
import VaultTesting

@testable import VaultCore

/// Custodians who have nothing but Debian's `age` and `ssh-keygen`.
@Suite(.timeLimit(.minutes(10))) struct StockToolsActivationTests {
    @Test func twoCustodiansActivateWithNothingButAgeAndSSHKeygen() async throws {
        try await QuorumSite.run { site, core in
            let (request, signature) = try await site.request(core)
            for index in 0..<2 {
                let person = site.quorum.people[index]
                let home = site.site.directory + "/" + person.name
                try PrivateFile.makeDirectory(home)
                try PrivateFile.create(home + "/id_ssh", try person.ssh.fileContents(check: 7))
                try PrivateFile.create(home + "/identity", try person.age.fileContents())
                let share = try AgeFile.encrypt(site.quorum.shares[index].encoded, to: [person.age.recipient])
                try PrivateFile.create(home + "/share-1.age", share)
                try PrivateFile.create(home + "/request.json", request.bytes)
                try PrivateFile.create(home + "/request.json.sig", Array(signature.utf8))
                let host = "appliance \(core.inForce.current.signed.hostKey ?? "")\n"
                try PrivateFile.create(home + "/host.allowed_signers", Array(host.utf8))
                try Self.run(
                    """
                    ssh-keygen -Y verify -f host.allowed_signers -I appliance -n request@vault-appliance \
                        -s request.json.sig < request.json &&
                    age -d -i identity share-1.age | age -r \(request.recipient) -o mine.age &&
                    ssh-keygen -q -Y sign -f id_ssh -n contribution-\(request.hash)@vault-appliance mine.age
                    """, in: home)
                let file = try PrivateFile.readPublic(home + "/mine.age")
                let signed = String(decoding: try PrivateFile.readPublic(home + "/mine.age.sig"), as: UTF8.self)
                try await site.contribute(core, (file, signed))
            }
            #expect(try await site.signs(core))
        }
    }

    private static func run(_ script: String, in directory: String) throws {
        let outcome = try Command.run(["bash", "-c", "set -o pipefail; cd \(directory) && \(script)"])
        try #require(outcome.status == 0, "\(outcome.output)")
    }
}
