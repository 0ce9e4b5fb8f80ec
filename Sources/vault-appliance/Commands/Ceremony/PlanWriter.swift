import Custody
import Foundation
import StrictEncoding
import VaultAppliance

/// Writes a plan's YAML from a person's answers and from what the configuration says already.
struct PlanWriter {
    let configuration: Configuration
    let questions = Questions()

    /// The whole file.
    func write(_ kind: CeremonyKind) throws -> String {
        var text = try opening(kind)
        switch kind {
        case .genesis: text += try tokens() + keys() + people()
        case .activate: text += try activate()
        case .changeKeyState: text += try changes()
        case .generate: text += try generate()
        case .importKey: text += try importKey()
        case .replicate: text += try replicate()
        case .removeToken: text += try removeToken()
        case .rotateEpoch: text += try people() + rotateEpoch()
        case .drill: text += try drill()
        case .auditVerify: text += "# Verify the whole audit log too.\nverify_log: true\n"
        }
        return text
    }

    private func opening(_ kind: CeremonyKind) throws -> String {
        let purpose = try questions.ask("Why is the ceremony held, in one line")
        let administrator = try questions.ask("Who runs it (not a custodian)", Manifest.isName)
        let time = try questions.ask("How long the plan and its approvals are good", default: "24h")
        let witnesses = try questions.list("Enrolment file of a witness") { try person($0, isCustodian: false) }
        var text = """
            # A ceremony's plan: the only input there is. Custodians sign what 'ceremony draft' makes of it.
            ceremony: \(kind.rawValue)
            # Why, for people; it stands in the transcript and in the audit log.
            purpose: \(PlanWriter.quoted(purpose))
            # Who runs it; never one of the custodians.
            administrator: \(administrator)
            # How long the plan and its approvals are good.
            valid_for: \(time)
            # required: it must have run on a throw-away token before. waived: it need not.
            rehearsal: \(kind.changesManifest ? "required" : "waived")

            """
        if !witnesses.isEmpty {
            text += "# Who watch, and sign the transcript's head.\nwitnesses:\n"
            text += witnesses.joined()
        }
        return text + "\n"
    }

    private func people() throws -> String {
        let custodians = try questions.list("Enrolment file of a custodian") { try person($0, isCustodian: true) }
        let threshold = try questions.ask("How many custodians it takes", default: "2")
        let approvers = try questions.list("Enrolment file of an approver of configurations") {
            try person($0, isCustodian: false)
        }
        var text = "# Who hold the shares, from their enrolments ('custodian enrol').\ncustodians:\n"
        text += custodians.joined()
        text += "# How many of them it takes to approve, to activate, to change anything.\nthreshold: \(threshold)\n"
        if !approvers.isEmpty {
            text += "# Who approve configuration bundles, where config_approvals asks for it.\napprovers:\n"
            text += approvers.joined()
        }
        return text + """
            # What the custodians decide to relax or to demand; shown in status, health and every transcript.
            dials: {config_approvals: 0, unattended_start: false, restart_grace: 0s, file_tls_keys: false}

            """
    }

    private func person(_ file: String, isCustodian: Bool) throws -> String {
        let person = try Enrolment(file: try PrivateFile.readPublic(file, limit: 65_536)).person
        var text = "  - {name: \(person.name), ssh_key: \(PlanWriter.quoted(person.sshKey))"
        if isCustodian {
            guard let recipient = person.ageRecipient else {
                throw CommandFailure("\(file): is the enrolment of an approver: it has no age recipient")
            }
            text += ", age_recipient: \(recipient)"
        }
        return text + "}\n"
    }

    /// A text in quotes, as YAML reads it back (YAML 1.2.2 section 7.3.1).
    static func quoted(_ text: String) -> String {
        "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
    }
}
