/// The host key's file, and the one beside it while a ceremony replaces the key.
///
/// Which of the two counts is said by the manifest in force, and by nothing else. A ceremony makes the next key under
/// another name; the manifest that names it comes into force; then the file takes the old one's place. Whoever dies in
/// between leaves both, and the next start goes on by the manifest.
extension CustodyDirectory {
    /// The host's private key.
    package var hostKeyFile: String { "\(path)/host-key" }
    /// The private key that follows it, until the manifest that names it is in force.
    package var nextHostKeyFile: String { "\(path)/host-key.new" }

    /// The host's key.
    package func readHostKey() throws(CustodyError) -> SSHPrivateKey { try CustodyDirectory.key(hostKeyFile) }

    /// The key that a ceremony has made to follow it.
    package func readNextHostKey() throws(CustodyError) -> SSHPrivateKey {
        try CustodyDirectory.key(nextHostKeyFile)
    }

    /// Makes the host's key; one that is there is never overwritten.
    package func createHostKey() throws(CustodyError) -> SSHPrivateKey { try create(hostKeyFile) }

    /// Makes the key that is to follow it, durably; one that is there is never overwritten.
    package func createNextHostKey() throws(CustodyError) -> SSHPrivateKey { try create(nextHostKeyFile) }

    /// Removes the key that was to follow; none is no fault.
    package func removeNextHostKey() throws(CustodyError) {
        try PrivateFile.remove(nextHostKeyFile)
        try PrivateFile.syncDirectory(path)
    }

    /// The key that a manifest names, in whichever of the two files it is; nothing is changed.
    package func hostKey(of manifest: Manifest) throws(CustodyError) -> SSHPrivateKey {
        for file in [hostKeyFile, nextHostKeyFile] {
            if let key = try? CustodyDirectory.key(file), manifest.names(hostKey: key.publicKey) { return key }
        }
        // What is wrong with the first is what a person has to mend.
        let other = try readHostKey()
        throw CustodyError(
            .foreign,
            "\(hostKeyFile): the host key \(other.publicKey.fingerprint) is not the one that manifest "
                + "\(manifest.version) names, nor is there one in \(nextHostKeyFile)")
    }

    /// Sees that the key that a manifest in force names is the host key's file; the other key's file is gone then.
    @discardableResult
    package func settleHostKey(of manifest: Manifest) throws(CustodyError) -> SSHPrivateKey {
        let key = try hostKey(of: manifest)
        guard (try? readHostKey())?.publicKey != key.publicKey else { return key }
        try PrivateFile.move(nextHostKeyFile, to: hostKeyFile)
        try PrivateFile.syncDirectory(path)
        return key
    }

    private static func key(_ file: String) throws(CustodyError) -> SSHPrivateKey {
        try SSHPrivateKey(file: try PrivateFile.read(file))
    }

    private func create(_ file: String) throws(CustodyError) -> SSHPrivateKey {
        let key = try SSHPrivateKey()
        var generator = SystemRandomNumberGenerator()
        try PrivateFile.create(
            file, try key.fileContents(check: UInt32.random(in: .min ... .max, using: &generator)))
        try PrivateFile.syncDirectory(path)
        return key
    }
}
