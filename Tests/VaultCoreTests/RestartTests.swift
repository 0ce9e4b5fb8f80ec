import AuditLog
import CoreProtocol
import Custody
import Foundation
import Logging
import StrictEncoding
import Testing
import VaultTesting

@testable import VaultCore

/// Starts without custodians, where the quorum's dials allow them, and never else.
@Suite(.serialized, .timeLimit(.minutes(10))) struct RestartTests {
    private static func dials(grace: Int64 = 0, unattended: Bool = false) -> Manifest.Dials {
        .init(configApprovals: 0, unattendedStart: unattended, restartGrace: grace, fileTLSKeys: false)
    }

    @Test func aRestartWithinTheGraceNeedsNoCustodiansAndIsSaidEverywhere() async throws {
        try await QuorumSite.withGenesis(dials: Self.dials(grace: 60)) { site in
            let keeper = try FakeServiceManager()
            try await site.running(serviceManager: keeper.manager()) { core in
                try await site.activate(core)
                try await keeper.until { $0 == 1 }
            }
            try await site.running(serviceManager: keeper.manager()) { core in
                #expect(try await site.signs(core))
                let activation = core.status.object?["activation"]?.object
                #expect(activation?["activated_by"] == "restart-grace")
                let entry = try #require(try site.entries().last { $0.kind == .activationCompleted })
                #expect(entry.detail?["by"] == "restart-grace")
                #expect(entry.custody == "quorum config_approvals=0 restart_grace=60")
                try await keeper.until { $0 == 1 }
                // A sealing takes back what was kept.
                try await site.order(core, "seal", .seal)
                try await keeper.until { $0 == 0 }
            }
            try await site.running(serviceManager: keeper.manager()) { core in #expect(core.isSealed) }
        }
    }

    @Test func aSealedCoreThatStopsReportsNoFaultAndItsEntriesGetTheirCheckpointLater() async throws {
        try await QuorumSite.withGenesis { site in
            let log = CapturedLog()
            let core = try await site.start(logger: log.logger)
            #expect(core.log.status.checkpoint == nil)
            await core.shutdown()
            #expect(log.texts(from: .warning).isEmpty, "\(log.texts(from: .warning))")
            #expect(log.texts(from: .info).contains { $0.contains("the next activation gives them one") })
            try await site.running { core in try await site.activate(core) }
            // The entries of the run before are there, and covered by now.
            let kinds = try site.entries().map(\.kind)
            #expect(
                kinds.prefix(4) == [.adminManifestInstalled, .adminCoreStarted, .adminCoreStopped, .adminCoreStarted])
            let checkpoint = try String(
                contentsOfFile: site.site.settings.logDirectory + "/checkpoint", encoding: .utf8)
            #expect(checkpoint.split(separator: "\n")[1] == "\(kinds.count)")
        }
    }

    @Test func aManifestThatADeadProcessHasPutInPlaceIsRecordedBeforeAnythingElse() async throws {
        try await QuorumSite.withGenesis { site in
            try await site.running { core in try await site.activate(core) }
            let first = try site.directory.readChain().current
            let second = try site.quorum.successor(of: first, at: site.now)
            // It died between the file and its leaf.
            try site.directory.add(second)
            for _ in 1...2 {
                try await site.running { core in
                    #expect(core.standing.installation(of: 2) != nil)
                    #expect(core.inForce.current.hash == second.hash)
                }
            }
            let entries = try site.entries()
            // After the one that its genesis told of.
            let told = entries.filter { $0.kind == .adminManifestInstalled }.dropFirst()
            #expect(told.map { $0.detail?["manifest_hash"] } == [second.hash])
            #expect(told.map { $0.detail?["previous"] } == [first.hash] && told.map(\.manifestVersion) == [2])
            let place = try #require(entries.lastIndex { $0.kind == .adminManifestInstalled })
            #expect(entries[place - 1].kind == .adminCoreStopped && entries[place + 1].kind == .adminCoreStarted)
        }
    }

    @Test func withoutTheDialNothingIsKept() async throws {
        try await QuorumSite.withGenesis { site in
            let keeper = try FakeServiceManager()
            try await site.running(serviceManager: keeper.manager()) { core in
                try await site.activate(core)
                try await Task.sleep(for: .seconds(1))
                #expect(keeper.count == 0)
            }
            try await site.running(serviceManager: keeper.manager()) { core in #expect(core.isSealed) }
        }
    }

    @Test(
        "what is past its time, of another epoch, appliance or boot, or no sealed file, is refused",
        arguments: ["expired", "epoch", "appliance", "boot", "dial", "not sealed"])
    func refused(what: String) async throws {
        let grace: Int64 = what == "dial" ? 0 : 60
        try await QuorumSite.withGenesis(dials: Self.dials(grace: grace)) { site in
            let manifest = try site.directory.readChain().current
            let pin = try LockedBytes(copying: Array(site.site.token.pin.utf8))
            let kept = KeptPINs(
                appliance: what == "appliance" ? String(repeating: "0f", count: 16) : manifest.appliance,
                epoch: what == "epoch" ? 7 : 1, pins: [manifest.tokens[0].serial: pin],
                seconds: what == "expired" ? -1 : 60)
            var bytes = try kept.encoded().exposed
            if what == "boot" {
                let boot = try String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8).prefix(36)
                let text = String(decoding: bytes, as: UTF8.self)
                bytes = Array(text.replacing(boot, with: "00000000-0000-0000-0000-000000000000").utf8)
            }
            let keeper = try FakeServiceManager()
            if what == "not sealed" {
                try keeper.holdUnsealed(bytes)
            } else {
                try keeper.hold(try SealedMemoryFile(name: "test", try LockedBytes(copying: bytes)))
            }
            try await site.running(serviceManager: keeper.manager()) { core in
                #expect(core.isSealed && core.hsms.open.isEmpty)
                #expect(core.description.faults[0].contains("restart-grace"))
                let last = try #require(try site.entries().last)
                #expect(last.reason?.hasPrefix("restart-grace") == true)
            }
            // However it ends, the manager keeps it no longer.
            try await keeper.until { $0 == 0 }
        }
    }

    @Test func anUnattendedStartTakesPINFilesWhereTheDialSaysSo() async throws {
        try await QuorumSite.withGenesis(dials: Self.dials(unattended: true)) { site in
            let serial = try site.directory.readChain().current.tokens[0].serial
            try await site.running { core in
                #expect(core.isSealed && core.description.faults[0].contains("unattended"))
            }
            let file = site.directory.unattendedPINFile(serial: serial)
            try PrivateFile.makeDirectory((file as NSString).deletingLastPathComponent)
            try site.site.write(site.site.token.pin + "\n", to: file)
            try await site.running { core in
                #expect(try await site.signs(core))
                #expect(core.status.object?["activation"]?.object?["activated_by"] == "unattended")
                let last = try #require(try site.entries().last)
                #expect(last.custody == "quorum config_approvals=0 unattended_start")
            }
            // Others may read it: it is no PIN file any more.
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
            try await site.running { core in #expect(core.isSealed) }
        }
    }

    @Test func withoutTheDialAPINFileIsNotReadButWarnedOf() async throws {
        try await QuorumSite.withGenesis { site in
            let serial = try site.directory.readChain().current.tokens[0].serial
            let file = site.directory.unattendedPINFile(serial: serial)
            try PrivateFile.makeDirectory((file as NSString).deletingLastPathComponent)
            try site.site.write(site.site.token.pin + "\n", to: file)
            try await site.running { core in
                #expect(core.isSealed)
                #expect(core.description.warnings.contains { $0.contains("holds a PIN that no dial allows") })
            }
        }
    }
}

/// What a service manager says to the process that it starts (sd_listen_fds(3)).
@Suite struct ServiceManagerTests {
    @Test func descriptorsAreNumberedFromThreeAndFoundByTheirNames() throws {
        let manager = try #require(
            ServiceManager(
                environment: [
                    "NOTIFY_SOCKET": "/run/systemd/notify", "LISTEN_PID": "77", "LISTEN_FDS": "3",
                    "LISTEN_FDNAMES": "stored:vault-pins-a:vault-pins-b",
                ], process: 77))
        #expect(manager.descriptors(named: "vault-pins-").map(\.descriptor) == [4, 5])
    }

    @Test func descriptorsForAnotherProcessAreLeftAloneAndNoSocketMeansNoManager() throws {
        let environment = [
            "NOTIFY_SOCKET": "@abstract", "LISTEN_PID": "78", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "vault-pins-a",
        ]
        let manager = try #require(ServiceManager(environment: environment, process: 77))
        #expect(manager.descriptors(named: "vault-pins-").isEmpty)
        #expect(ServiceManager(environment: [:], process: 77) == nil)
        #expect(ServiceManager(environment: ["NOTIFY_SOCKET": "vsock:2:1"], process: 77) == nil)
    }
}
