import Custody
import Foundation
import VaultCore
import VaultTesting

/// A SoftHSM of a test's own, used by child processes alone: this process never loads it.
struct TokenOfficeSite {
    let directory: SoftHSMDirectory
    let child: TokenChild
    /// The library the children load.
    let module: String

    /// Runs `body` with no token at all, behind the fault module where there is a script.
    static func run(script: String? = nil, _ body: (TokenOfficeSite) async throws -> Void) async throws {
        let path = NSTemporaryDirectory() + "/vault-office-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        let directory = try SoftHSMDirectory(path: path, labels: [])
        let softHSM = try SoftHSMDirectory.modulePath()
        var module = softHSM
        var variables = "SOFTHSM2_CONF='\(directory.configurationFile)'"
        if let script {
            try Data(script.utf8).write(to: URL(filePath: path + "/script"))
            module = try BuildProduct.path(of: "libFaultModule.so")
            variables += " FAULT_MODULE_TARGET='\(softHSM)' FAULT_MODULE_SCRIPT='\(path)/script'"
        }
        // The child inherits this process's environment, which names another SoftHSM.
        let program = try BuildProduct.path(of: "vault-appliance")
        let wrapper = path + "/child"
        let text = "#!/bin/sh\nunset FAULT_MODULE_TALLY\nexec env \(variables) '\(program)' \"$@\"\n"
        try Data(text.utf8).write(to: URL(filePath: wrapper))
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: wrapper)
        try await body(
            TokenOfficeSite(directory: directory, child: TokenChild(executable: wrapper), module: module))
    }

    /// A task with secrets that a test may write down.
    func run(_ task: TokenTask, _ secrets: String...) async throws -> TokenTaskReport {
        try await child.run(
            task, module: module, secrets: secrets.map { try LockedBytes(copying: Array($0.utf8)) })
    }

    /// Changes the script of the fault module; the next child reads it.
    func rewrite(script: String) throws {
        try Data(script.utf8).write(to: URL(filePath: directory.path + "/script"))
    }
}
