internal import Foundation

/// The custodian's own `ssh-keygen`: agents, passphrases and FIDO keys work as they do everywhere else.
package enum SSHKeygen {
    /// Makes an Ed25519 key; ssh-keygen asks for its passphrase on the terminal unless none is wanted.
    package static func makeKey(path: String, comment: String, hasPassphrase: Bool) throws(CustodyError) {
        var arguments = ["ssh-keygen", "-q", "-t", "ed25519", "-C", comment, "-f", path]
        if !hasPassphrase { arguments += ["-N", ""] }
        try run(arguments)
    }

    /// Signs a file; the signature is `FILE.sig`, and an old one is replaced.
    package static func sign(file: String, key: String, purpose: SignaturePurpose) throws(CustodyError) -> [UInt8] {
        try? FileManager.default.removeItem(atPath: "\(file).sig")
        try run(["ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", purpose.namespace, file])
        return try PrivateFile.readPublic("\(file).sig", limit: SSHSignature.maximumBytes)
    }

    /// Prompts go to the terminal, what it prints to standard error: standard output is the command's own.
    private static func run(_ arguments: [String]) throws(CustodyError) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        process.standardOutput = FileHandle.standardError
        do {
            try process.run()
        } catch {
            throw CustodyError(.systemRefused, "ssh-keygen cannot be started: install openssh-client")
        }
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw CustodyError(.systemRefused, "ssh-keygen did not do it (see above)")
        }
    }
}
