extension ManifestChain {
    /// Refuses a host key that the manifest in force does not name.
    package func check(hostKey: SSHPrivateKey) throws(CustodyError) {
        guard current.names(hostKey: hostKey.publicKey) else {
            throw CustodyError(
                .foreign, "the host key \(hostKey.publicKey.fingerprint) is not the one that the manifest names")
        }
    }

    /// Verifies that the host key that the newest manifest names made a signature.
    ///
    /// One of a key that an earlier manifest named is refused as such: whoever uses it has a copy that he should not have.
    func verifyHost(
        _ message: [UInt8], signature text: String, for purpose: SignaturePurpose
    ) throws(CustodyError) {
        guard let line = current.hostKey else {
            throw CustodyError(.unsupported, "the manifest names no host key")
        }
        let host = Manifest.Person(name: "the appliance's host key", sshKey: line, ageRecipient: nil)
        do {
            _ = try Quorum.signer(of: message, signature: text, for: purpose, among: [host])
        } catch {
            throw CustodyError(error.code, replacement(ofKeyOf: text) ?? error.reason)
        }
    }

    private func replacement(ofKeyOf signature: String) -> String? {
        guard let key = try? SSHSignature(armored: signature).publicKey, !current.names(hostKey: key),
            let last = manifests.lastIndex(where: { $0.names(hostKey: key) })
        else { return nil }
        return
            "it is signed by the host key \(key.fingerprint), which manifest \(manifests[last + 1].version) replaced: "
            + "somebody has kept or stolen the old one"
    }
}
