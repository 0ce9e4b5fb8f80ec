internal import Foundation
internal import Synchronization

/// The one software TPM of a test process, with a token in it: another maker's PKCS#11 library over another device.
///
/// swtpm is the TPM, tpm2-abrmd on a message bus of its own is the resource manager that the kernel would be for a real
/// one (a TPM has room for three keys at a time), and tpm2-pkcs11 is the library. A shell holds all three, and ends them
/// when this process is gone, however it went. Tests borrow the token one after the other.
package final class SoftwareTPMFixture: Sendable {
    private static let outcome = Result { try SoftwareTPMFixture() }

    /// The library.
    package let modulePath: String
    /// CKA_LABEL of the token.
    package let label = "software-tpm"
    /// A file that holds the user PIN, for its owner alone.
    package let pinFile: String
    /// What other programs need in their environment to reach the same token.
    package let environment: [String: String]

    private let directory: String
    // The shell ends when this pipe does.
    private let lifeline: Pipe
    private let turns = TokenTurns()

    /// The fixture of this process; a machine without the packages is a failure, never a reason to skip.
    package static func shared() throws -> SoftwareTPMFixture { try outcome.get() }

    /// RFC 7512 URI of the token.
    package var uri: String { "pkcs11:token=\(label)" }

    /// Runs `body` while no other test has the token.
    package func withToken<Answer>(_ body: () async throws -> Answer) async throws -> Answer {
        await turns.take()
        do {
            let answer = try await body()
            await turns.give()
            return answer
        } catch {
            await turns.give()
            throw error
        }
    }

    private init() throws {
        modulePath = try SoftwareTPMFixture.existing([
            "/usr/lib/x86_64-linux-gnu/pkcs11/libtpm2_pkcs11.so", "/usr/lib/aarch64-linux-gnu/pkcs11/libtpm2_pkcs11.so",
            "/usr/lib64/pkcs11/libtpm2_pkcs11.so",
        ])
        // Short, for the socket in it: sun_path holds 108 bytes.
        directory = NSTemporaryDirectory() + "vault-tpm-" + UUID().uuidString.prefix(8)
        for folder in ["", "/state", "/store"] {
            try FileManager.default.createDirectory(
                atPath: directory + folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        }
        pinFile = directory + "/pin"
        environment = [
            "TPM2_PKCS11_TCTI": "tabrmd:bus_type=session", "TPM2_PKCS11_STORE": directory + "/store",
            "DBUS_SESSION_BUS_ADDRESS": "unix:path=\(directory)/bus", "TPM2_PKCS11_LOG_LEVEL": "0",
            "TSS2_LOG": "all+none",
        ]
        lifeline = try SoftwareTPMFixture.start(directory: directory)
        try initialise()
        for (name, value) in environment {
            // Safety: once per process, before the library is loaded, which reads them when it is initialised.
            unsafe setenv(name, value, 1)
        }
    }

    /// The three processes, and the shell that ends them.
    ///
    /// By SIGKILL: they inherit the mask of the thread that starts them, in which SIGTERM may be blocked.
    private static func start(directory: String) throws -> Pipe {
        let script = """
            cd "$1" || exit 1
            port=$(python3 -c 'import socket
            while True:
                with socket.socket() as a, socket.socket() as b:
                    a.bind(("127.0.0.1", 0)); port = a.getsockname()[1]
                    try: b.bind(("127.0.0.1", port + 1))
                    except OSError: continue
                    print(port); break')
            swtpm socket --tpm2 --tpmstate "dir=$1/state" --flags not-need-init,startup-clear \\
                --server "type=tcp,port=$port" --ctrl "type=tcp,port=$((port + 1))" </dev/null & tpm=$!
            dbus-daemon --session --address="unix:path=$1/bus" --nofork --nopidfile </dev/null & bus=$!
            for _ in $(seq 100); do [ -S "$1/bus" ] && break; sleep 0.1; done
            export DBUS_SESSION_BUS_ADDRESS="unix:path=$1/bus"
            root=; [ "$(id -u)" -ne 0 ] || root=--allow-root
            tpm2-abrmd --session $root --tcti="swtpm:host=127.0.0.1,port=$port" </dev/null & manager=$!
            cat >/dev/null
            kill -KILL "$manager" "$bus" "$tpm" 2>/dev/null
            wait
            rm -rf "$1"
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", script, "sh", directory]
        let lifeline = Pipe()
        // Else the shell itself, and every other program a test runs, would hold the end it waits for.
        _ = fcntl(lifeline.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        process.standardInput = lifeline
        let log = directory + "/log"
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        process.standardOutput = FileHandle(forWritingAtPath: log)
        process.standardError = FileHandle(forWritingAtPath: log)
        try process.run()
        return lifeline
    }

    /// Through PKCS#11 itself, as on any token.
    private func initialise() throws {
        let (officer, pin) = ("officer-1234", "user-1234")
        let file = FileManager.default.createFile(
            atPath: pinFile, contents: Data((pin + "\n").utf8), attributes: [.posixPermissions: 0o600])
        guard file else { throw SoftHSMDirectory.Failure(description: "cannot write \(pinFile)") }
        var tries = 0
        while try run(["--list-slots"]).status != 0 {
            tries += 1
            guard tries < 100 else {
                let log = (try? String(contentsOfFile: directory + "/log", encoding: .utf8)) ?? ""
                throw SoftHSMDirectory.Failure(
                    description: "no software TPM (packages swtpm, tpm2-abrmd, dbus-daemon): \(log)")
            }
            Thread.sleep(forTimeInterval: 0.1)
        }
        for arguments in [
            ["--init-token", "--slot-index", "0", "--label", label, "--so-pin", officer],
            [
                "--init-pin", "--slot-index", "0", "--login", "--login-type", "so", "--so-pin", officer, "--new-pin",
                pin,
            ],
        ] {
            let (status, output) = try run(arguments)
            guard status == 0 else { throw SoftHSMDirectory.Failure(description: "pkcs11-tool: \(output)") }
        }
    }

    private func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["pkcs11-tool", "--module", modulePath] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: text, as: UTF8.self))
    }

    private static func existing(_ paths: [String]) throws -> String {
        guard let found = paths.first(where: FileManager.default.fileExists(atPath:)) else {
            throw SoftHSMDirectory.Failure(description: "none of \(paths): install libtpm2-pkcs11-1")
        }
        return found
    }
}

/// Whose turn it is.
private actor TokenTurns {
    private var isTaken = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func take() async {
        guard isTaken else {
            isTaken = true
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func give() {
        if waiting.isEmpty { isTaken = false } else { waiting.removeFirst().resume() }
    }
}
