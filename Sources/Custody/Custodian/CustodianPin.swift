import StrictEncoding

/// What a custodian remembers of an appliance, outside of it: whoever swaps the appliance or its manifests is found out.
package struct CustodianPin: Sendable, Equatable {
    private static let format = "vault-custodian-pin/1"

    package let appliance: String
    /// Hash of the first manifest.
    package let genesis: String
    /// The newest manifest's version that this custodian has seen.
    package let version: Int64
    /// That manifest's hash.
    package let manifest: String

    /// What there is to remember of a chain.
    package init(_ chain: ManifestChain) {
        appliance = chain.current.appliance
        genesis = chain.genesisHash
        version = chain.current.version
        manifest = chain.current.hash
    }

    /// Refuses a chain that does not continue what was seen before.
    package func check(_ chain: ManifestChain) throws(CustodyError) {
        guard chain.current.appliance == appliance, chain.genesisHash == genesis else {
            throw CustodyError(
                .foreign, "this is not the appliance that was accepted: another genesis. Open nothing; tell the others")
        }
        guard chain.current.version >= version else {
            throw CustodyError(
                .stale,
                "the manifest is version \(chain.current.version); version \(version) was seen before. Open nothing; ask the others "
                    + "whether the ceremony that made version \(version) was aborted (docs/custodians.md)")
        }
        guard chain.manifests.contains(where: { $0.version == version && $0.hash == manifest }) else {
            throw CustodyError(
                .notChained, "the manifest does not follow from version \(version) as it was seen before")
        }
    }

    /// The file's bytes.
    package var bytes: [UInt8] {
        JSONWriter.canonical([
            "format": .string(CustodianPin.format), "appliance": .string(appliance), "genesis": .string(genesis),
            "version": .integer(version), "manifest": .string(manifest),
        ]) + [0x0A]
    }

    /// Reads the file.
    package init(file: [UInt8]) throws(CustodyError) {
        do {
            var reader = try ObjectReader(try JSONParser.parse(file))
            guard try reader.string("format") == CustodianPin.format else {
                throw reader.fault("format", "must be \(CustodianPin.format)")
            }
            appliance = try reader.string("appliance")
            genesis = try reader.string("genesis")
            version = try reader.integer("version", in: 1...JSONValue.safeIntegers.upperBound)
            manifest = try reader.string("manifest")
            try reader.finish()
        } catch {
            throw CustodyError(.malformed, "the custodian's own pin file is damaged: \(error)")
        }
    }
}
