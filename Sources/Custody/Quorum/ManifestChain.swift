/// The manifests of an appliance from its genesis on, each approved by the custodians of the one before.
package struct ManifestChain: Sendable {
    /// From version 1 up to the one in force.
    package let manifests: [Manifest]
    /// The one in force.
    package let current: Manifest
    /// SHA-256 of the first manifest's body: what is pinned outside the appliance.
    package let genesisHash: String

    /// Verifies a chain; the manifests may come in any order.
    ///
    /// The first is signed by a quorum of its own custodians, and believed only by those who have its hash from
    /// elsewhere. Each other is signed by a quorum of its predecessor's.
    package init(verifying manifests: [Manifest]) throws(CustodyError) {
        let sorted = manifests.sorted { $0.version < $1.version }
        guard let first = sorted.first, let last = sorted.last else {
            throw CustodyError(.notChained, "there is no manifest")
        }
        guard first.version == 1 else {
            throw CustodyError(.notChained, "the manifests before version \(first.version) are missing")
        }
        var predecessor = first
        try ManifestChain.verifySignatures(of: first, by: first)
        for manifest in sorted.dropFirst() {
            try ManifestChain.verify(manifest, after: predecessor)
            predecessor = manifest
        }
        self.manifests = sorted
        current = last
        genesisHash = first.hash
    }

    /// Verifies that a manifest follows from the one before it.
    package static func verify(_ manifest: Manifest, after predecessor: Manifest) throws(CustodyError) {
        try verifyLink(manifest, after: predecessor)
        try verifySignatures(of: manifest, by: predecessor)
    }

    /// Verifies everything but the signatures.
    package static func verifyLink(_ manifest: Manifest, after predecessor: Manifest) throws(CustodyError) {
        guard manifest.appliance == predecessor.appliance else {
            throw CustodyError(.foreign, "manifest \(manifest.version) is of another appliance")
        }
        guard manifest.version == predecessor.version + 1, manifest.previous == predecessor.hash else {
            throw CustodyError(
                .notChained, "manifest \(manifest.version) does not follow from manifest \(predecessor.version)")
        }
        guard let epoch = manifest.activation?.epoch, let before = predecessor.activation?.epoch, epoch >= before,
            epoch > before || manifest.activation == predecessor.activation
        else {
            throw CustodyError(
                .notChained, "manifest \(manifest.version) changes shares without a new epoch, or takes one back")
        }
        guard manifest.created >= predecessor.created else {
            throw CustodyError(.notChained, "manifest \(manifest.version) is dated before its predecessor")
        }
    }

    private static func verifySignatures(of manifest: Manifest, by authority: Manifest) throws(CustodyError) {
        guard authority.custody == .quorum, manifest.custody == .quorum else {
            throw CustodyError(.unsupported, "manifest \(manifest.version) is not under quorum custody")
        }
        do {
            _ = try Quorum.require(
                Int(authority.threshold), of: manifest.bodyBytes, signatures: manifest.signatures, for: .manifest,
                among: authority.custodians)
        } catch {
            throw CustodyError(error.code, "manifest \(manifest.version): \(error.reason)")
        }
    }
}
