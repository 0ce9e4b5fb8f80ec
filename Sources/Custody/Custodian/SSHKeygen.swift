internal import CVaultSystem
internal import Foundation
internal import Glibc

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
        try sign(file: file, key: key, namespace: purpose.namespace)
    }

    /// The same for a use that has a namespace of its own.
    package static func sign(file: String, key: String, namespace: String) throws(CustodyError) -> [UInt8] {
        try? FileManager.default.removeItem(atPath: "\(file).sig")
        try run(["ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", namespace, file])
        return try PrivateFile.readPublic("\(file).sig", limit: SSHSignature.maximumBytes)
    }

    /// Prompts go to the terminal, what it prints to standard error: standard output is the command's own.
    ///
    /// Foundation's `Process` makes a process group of its own, and whoever is not in the terminal's foreground is not
    /// given what a person types: ssh-keygen would take that for an empty passphrase.
    private static func run(_ arguments: [String]) throws(CustodyError) {
        // Safety: the copies live until they are freed below, after the call.
        var copies = unsafe arguments.map { unsafe strdup($0) }
        unsafe copies.append(nil)
        let status = unsafe csystem_run(copies)
        // Safety: each was made by strdup, and nothing uses it any more.
        unsafe copies.forEach { unsafe free($0) }
        guard status != -1, status != 127 << 8 else {
            throw CustodyError(.systemRefused, "ssh-keygen cannot be started: install openssh-client")
        }
        guard status == 0 else {
            throw CustodyError(.systemRefused, "ssh-keygen did not do it (see above)")
        }
    }
}
