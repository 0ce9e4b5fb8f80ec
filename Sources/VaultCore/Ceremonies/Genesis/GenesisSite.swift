package import Custody
package import HSMBridge
package import StrictEncoding

/// Where a genesis takes place: the appliance's configuration, its directories, and who is asked for PINs.
package struct GenesisSite: Sendable {
    package var settings: CoreSettings
    package var custody: CustodyDirectory
    package var child: TokenChild
    package var clock: @Sendable () -> UnixTime
    /// SHA-256 of the executable, in hexadecimal; asked for once a ceremony begins.
    package var build: @Sendable () throws -> String
    /// Asks a person at the terminal, without echo, for what the text names.
    package var ask: @Sendable (String) throws(HSMError) -> PIN

    /// A site; its configuration must be one of quorum custody.
    package init(
        settings: CoreSettings, child: TokenChild, clock: @escaping @Sendable () -> UnixTime,
        build: @escaping @Sendable () throws -> String,
        ask: @escaping @Sendable (String) throws(HSMError) -> PIN
    ) throws(StartError) {
        guard settings.custody == Manifest.Mode.quorum.rawValue, let custody = settings.custodyDirectory else {
            throw StartError(
                file: settings.configurationFile, field: "core.custody", problem: "is not quorum",
                mend: "ceremonies are for custodians: set custody: quorum and custody_directory")
        }
        self.settings = settings
        self.custody = CustodyDirectory(path: custody)
        self.child = child
        self.clock = clock
        self.build = build
        self.ask = ask
    }

    /// Refuses a plan that would make another appliance than the configuration describes.
    package func check(_ plan: GenesisPlan) throws(StartError) {
        let wanted = Set(settings.tokens.map { "\($0.module) \($0.uri)" })
        guard wanted == Set(plan.tokens.map { "\($0.module) \($0.uri)" }) else {
            throw fault(
                "hsm", "names other tokens than the plan",
                mend: "let module and token be the same in both, word for word")
        }
        for (index, key) in settings.keys.enumerated() {
            let isPlanned = plan.keys.contains {
                $0.label == key.label && $0.purpose.rawValue == key.purpose && $0.algorithm == key.algorithm
            }
            guard isPlanned else {
                throw fault(
                    "keys[\(index)] (\(key.label))", "is not in the plan",
                    mend: "add it there, or make it later: generate")
            }
        }
        for key in plan.keys where key.gate.map({ $0.issuer != settings.issuer }) ?? false {
            throw fault(
                "issuer", "is another than that of key \(key.label) in the plan", mend: "let both name the appliance")
        }
    }

    private func fault(_ field: String, _ problem: String, mend: String) -> StartError {
        StartError(file: settings.configurationFile, field: field, problem: problem, mend: mend)
    }
}
