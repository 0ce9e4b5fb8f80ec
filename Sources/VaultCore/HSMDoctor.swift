package import Custody
package import HSMBridge
import StrictEncoding

/// Examines a token for an operator: `vault-appliance doctor` in a library.
package struct HSMDoctor: Sendable {
    /// What the doctor holds a token against.
    enum Knowledge: Sendable {
        /// Every key is anybody's.
        case nothing
        case manifest(Manifest, file: String)
        /// The manifest is not to be believed, which is a finding.
        case refused(StartError)
    }

    private let knowledge: Knowledge
    private let triesKeys: Bool

    init(_ knowledge: Knowledge, triesKeys: Bool) {
        self.knowledge = knowledge
        self.triesKeys = triesKeys
    }

    /// A doctor who knows what the manifest wants; without one every key is anybody's.
    package init(manifest: Manifest?, manifestFile: String = "", triesKeys: Bool = true) {
        self.init(manifest.map { .manifest($0, file: manifestFile) } ?? .nothing, triesKeys: triesKeys)
    }

    /// Examines one token; whatever fails is a finding.
    ///
    /// Without a PIN everything behind the login is left out.
    package func examine(
        module: String, token: TokenURI, pin: PIN?, patience: Duration = .seconds(120)
    ) async -> TokenReport {
        var refusal: StartError?
        var expected: [TokenExamination.ExpectedKey]?
        do throws(StartError) {
            expected = try expectedKeys()
        } catch {
            refusal = error
        }
        let examination = TokenExamination(
            modulePath: module, token: token, expected: expected, triesKeys: triesKeys)
        var report = await examination.run(pin: pin, patience: patience)
        if let refusal {
            let place = refusal.field.map { "\(refusal.file): \($0)" } ?? refusal.file
            report.add(.fault("manifest", "manifest-refused", "\(place): \(refusal.problem)", mend: refusal.mend))
        }
        if case .manifest(let manifest, _) = knowledge, let serial = report.token?.serial,
            !manifest.tokens.contains(where: { $0.serial == serial })
        {
            report.add(
                .fault(
                    "token", "token-unknown", "the manifest does not name a token with serial \(serial)",
                    mend: "use the manifest that was written for this token, or correct hsm.token"))
        }
        return report
    }

    /// Every key of the manifest, whatever its state; nil without one.
    private func expectedKeys() throws(StartError) -> [TokenExamination.ExpectedKey]? {
        switch knowledge {
        case .nothing: return nil
        case .refused(let error): throw error
        case .manifest(let manifest, let file):
            var keys: [TokenExamination.ExpectedKey] = []
            for key in manifest.keys {
                keys.append(
                    .init(
                        serial: key.token, reference: try key.reference(file: file), purpose: key.purpose.rawValue,
                        evidence: key.evidence, entry: key.entry))
            }
            return keys
        }
    }
}

extension ManifestKey {
    fileprivate var entry: TokenExamination.ExpectedKey.Entry {
        .init(
            kid: kid, state: state.rawValue, isImported: provenance == .imported,
            mustWork: [.generated, .prepublished, .active, .retiring].contains(state),
            isDestroyed: state == .destroyed)
    }
}
