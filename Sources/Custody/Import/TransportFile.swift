package import StrictEncoding

/// The file an administrator carries to the custodian who has the PEM: an offer, its signature, the manifests.
package struct TransportFile: Sendable {
    private static let format = "vault-transport-file/1"
    /// The longest file that is read, in bytes: hundreds of manifests.
    package static let maximumBytes = 16 << 20

    package let offer: TransportOffer
    /// The host key's SSHSIG over the offer.
    package let signature: String
    /// The chain of manifests, from the first.
    package let chain: ManifestChain

    /// A file of its parts.
    package init(offer: TransportOffer, signature: String, chain: ManifestChain) {
        self.offer = offer
        self.signature = signature
        self.chain = chain
    }

    /// The file's bytes.
    package var bytes: [UInt8] {
        JSONWriter.canonical([
            "format": .string(TransportFile.format), "offer": offer.json, "signature": .string(signature),
            "manifests": .array(
                chain.manifests.map { .string(String(decoding: $0.jsonBytes, as: UTF8.self)) }),
        ]) + [0x0A]
    }

    /// Reads a file; the chain is verified, the offer not yet.
    package init(file: [UInt8]) throws(CustodyError) {
        do {
            var reader = try ObjectReader(try JSONParser.parse(file))
            guard try reader.string("format") == TransportFile.format else {
                throw reader.fault("format", "must be \(TransportFile.format)")
            }
            offer = try TransportOffer(json: try reader.required("offer"), path: "offer")
            signature = try reader.string("signature")
            var manifests: [Manifest] = []
            for text in try reader.strings("manifests") { manifests.append(try Manifest(jsonBytes: Array(text.utf8))) }
            try reader.finish()
            chain = try ManifestChain(verifying: manifests)
        } catch let error as CustodyError {
            throw error
        } catch {
            throw CustodyError(.malformed, "the transport file is not one: \(error)")
        }
    }

    /// Verifies all of it against what this custodian remembers of the appliance.
    package func verify(pin: CustodianPin?, now: UnixTime) throws(CustodyError) {
        guard let pin else {
            throw CustodyError(
                .foreign, "the appliance \(offer.appliance) was never accepted here: custodian accept comes first")
        }
        try pin.check(chain)
        try offer.verify(signature: signature, chain: chain, now: now)
    }
}
