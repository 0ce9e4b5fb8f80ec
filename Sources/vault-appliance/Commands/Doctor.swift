import ArgumentParser
import Custody
import Foundation
import Glibc
import HSMBridge
import StrictEncoding
import VaultAppliance
import VaultCore

/// `doctor`: everything an operator wants to know of a token before trusting it, and when it misbehaves.
struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Examine the token: what it can do, its keys, and what is wrong, each with its mend.",
        discussion: """
            Works without a core and beside a running one, in sessions of its own, and changes nothing on the token. The \
            PIN comes from a file or is asked for at the terminal without echo, and is tried once. With --config the \
            configured tokens are held against the manifest: under quorum custody the newest of the custody directory, \
            verified as the core does at its start. Nobody knows a PIN then, so none is asked for without --pin-file. docs/hsm.md explains every finding. \
            Exits 0 when nothing is wrong, 1 when something is.
            """)

    @Option(name: .shortAndLong, help: "The appliance's configuration file (YAML).", completion: .file())
    var config: String?
    @Option(help: "Absolute path of a PKCS#11 library, in place of --config.", completion: .file())
    var module: String?
    @Option(help: "The token: its label, or a URI like pkcs11:token=LABEL;serial=SERIAL.")
    var token: String?
    @Option(help: "A file with the PIN, for its owner alone; without one the PIN is asked for.", completion: .file())
    var pinFile: String?
    @Flag(help: "Ask for no PIN: what only a login can tell is then left out, and the report says so.")
    var withoutPin = false
    @Flag(help: "Make no keys at all, not even such as end with their session: algorithms are then listed, not tried.")
    var noSessionKeys = false
    @Option(help: "Seconds after which a call that has not returned is given up.") var patience = 120
    @Flag(help: "Print JSON for machines.") var json = false

    func validate() throws {
        guard (config == nil) == (module != nil && token != nil), config != nil || module != nil else {
            throw ValidationError("give --config, or --module and --token")
        }
        guard config == nil || (module == nil && token == nil) else {
            throw ValidationError("--config names module and token already")
        }
        guard !withoutPin || pinFile == nil else { throw ValidationError("--without-pin excludes --pin-file") }
        guard (1...3600).contains(patience) else { throw ValidationError("--patience 1 to 3600") }
    }

    func run() async throws {
        try ProcessHygiene.apply()
        var reports: [TokenReport] = []
        for subject in try subjects() {
            reports.append(try await examine(subject))
            guard reports.last?.isHung == false else { break }
        }
        let isWell = reports.allSatisfy(\.isWell)
        if json {
            let answer: JSONValue = ["well": .bool(isWell), "tokens": .array(reports.map { $0.json })]
            print(String(decoding: JSONWriter.canonical(answer), as: UTF8.self))
        } else {
            print(reports.map { $0.lines.joined(separator: "\n") }.joined(separator: "\n\n"))
        }
        // A call still hangs inside the library: its exit handlers would take it apart under that call.
        if reports.contains(where: \.isHung) {
            fflush(nil)
            _exit(1)
        }
        guard isWell else { throw ExitCode.failure }
    }

    private func examine(_ subject: Subject) async throws -> TokenReport {
        do throws(HSMError) {
            let uri = try TokenURI(subject.token)
            let pin: PIN?
            if let file = pinFile ?? subject.pinFile, !withoutPin {
                pin = try PIN(file: file)
            } else if withoutPin || subject.isUnderQuorum || !FileManager.default.isReadableFile(atPath: subject.module)
            {
                // Where there is no library either, a PIN would be typed for nothing: the report says so.
                pin = nil
            } else {
                pin = try PIN(promptingAtTerminal: "PIN of \(uri)")
            }
            var report = await subject.doctor.examine(
                module: subject.module, token: uri, pin: pin, patience: .seconds(patience))
            if pin == nil, !withoutPin, subject.isUnderQuorum {
                report.add(
                    .note(
                        "login", "custodians-hold-the-pin",
                        "under quorum custody nobody knows the PIN, so none was asked for or tried; give --pin-file "
                            + "for a token whose PIN is known, as before its genesis"))
            }
            return report
        } catch {
            throw CommandFailure("\(error). Mend: \(error.mend)")
        }
    }
}

extension Doctor {
    /// A token to examine.
    private struct Subject {
        let module: String
        let token: String
        let pinFile: String?
        var isUnderQuorum = false
        let doctor: HSMDoctor
    }

    private func subjects() throws -> [Subject] {
        if let config {
            let configuration = try Configuration.load(file: config)
            let doctor = doctor(configuration.core)
            return configuration.hsm.tokens.map {
                Subject(
                    module: $0.module, token: $0.token, pinFile: $0.pinFile,
                    isUnderQuorum: configuration.core.custody == .quorum, doctor: doctor)
            }
        }
        guard let module, let token else { return [] }
        let uri = token.hasPrefix("pkcs11:") ? token : TokenURI(label: token).description
        let doctor = HSMDoctor(manifest: nil, triesKeys: !noSessionKeys)
        return [Subject(module: module, token: uri, pinFile: nil, doctor: doctor)]
    }

    /// One who knows the manifest that the configuration means, whatever its custody.
    private func doctor(_ core: Configuration.Core) -> HSMDoctor {
        if let directory = core.custodyDirectory {
            HSMDoctor(custodyDirectory: CustodyDirectory(path: directory), triesKeys: !noSessionKeys)
        } else if let file = core.manifestFile {
            HSMDoctor(manifestFile: file, triesKeys: !noSessionKeys)
        } else {
            HSMDoctor(manifest: nil, triesKeys: !noSessionKeys)
        }
    }
}
