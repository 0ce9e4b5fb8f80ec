/// What a custodian remembers of an appliance: a pin, and the verified manifests themselves, which are small and public.
extension CustodianHome {
    private func pinFile(_ appliance: String) -> String { "\(place(appliance))/pin.json" }
    private func manifestsDirectory(_ appliance: String) -> String { "\(place(appliance))/manifests" }

    /// What this custodian remembers of an appliance; nil before the first `accept`.
    package func pin(of appliance: String) throws(CustodyError) -> CustodianPin? {
        guard let bytes = try? PrivateFile.readPublic(pinFile(appliance)) else { return nil }
        return try CustodianPin(file: bytes)
    }

    /// The manifests that were verified here, up to the one that is pinned; nil where none were kept.
    package func manifests(of appliance: String) throws(CustodyError) -> ManifestChain? {
        guard let pin = try pin(of: appliance) else { return nil }
        let directory = manifestsDirectory(appliance)
        var manifests: [Manifest] = []
        for name in try PrivateFile.names(in: directory) where name.hasSuffix(".json") {
            manifests.append(try CustodyDirectory.readManifest("\(directory)/\(name)"))
        }
        guard !manifests.isEmpty else { return nil }
        // A crash may have left newer ones than the pin knows; what is pinned must be among them.
        let chain = try ManifestChain(verifying: manifests)
        try pin.check(chain)
        return chain
    }

    /// Remembers a verified chain that continues what was seen before; whatever is older is refused from then on.
    @discardableResult
    package func remember(_ chain: ManifestChain) throws(CustodyError) -> CustodianPin {
        let appliance = chain.current.appliance
        if let pin = try pin(of: appliance) { try pin.check(chain) }
        let directory = manifestsDirectory(appliance)
        try PrivateFile.makeDirectory(directory)
        for manifest in chain.manifests {
            let file = "\(directory)/\(manifest.version).json"
            guard (try? PrivateFile.readPublic(file)) != manifest.jsonBytes else { continue }
            try PrivateFile.replace(file, manifest.jsonBytes, mode: 0o600)
        }
        let pin = CustodianPin(chain)
        try PrivateFile.replace(pinFile(appliance), pin.bytes, mode: 0o600)
        try PrivateFile.syncDirectory(place(appliance))
        return pin
    }

    /// Remembers what a request for shares has shown to be in force.
    ///
    /// A newcomer in a rotation meets the appliance so, after a person has confirmed its genesis and before the share is
    /// opened: from then on every other appliance is refused.
    package func remember(_ chain: ManifestChain, shownBy request: ActivationRequest) throws(CustodyError) {
        let settled = try settled(chain, shownBy: request)
        // Who has accepted the newest already, after the ceremony or too early, knows more.
        if let pin = try pin(of: settled.current.appliance), pin.version > settled.current.version { return }
        try remember(settled)
    }

    /// The manifests of a request that are in force: all but the one that a rotation brings.
    ///
    /// That one is only signed: it comes into force once new shares were proven, or, if the rotation is aborted, never.
    func settled(_ chain: ManifestChain, shownBy request: ActivationRequest) throws(CustodyError) -> ManifestChain {
        guard request.provesNewShares else { return chain }
        let settled = Array(chain.manifests.dropLast())
        guard !settled.isEmpty else {
            throw CustodyError(
                .notChained, "the request names no manifest before the one that it brings: a rotation has one")
        }
        return try ManifestChain(verifying: settled)
    }
}
