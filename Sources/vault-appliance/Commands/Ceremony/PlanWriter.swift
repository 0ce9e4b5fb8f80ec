import Custody
import Foundation
import StrictEncoding
import VaultAppliance

/// Writes a plan's YAML from a person's answers and from what the configuration says already.
struct PlanWriter {
    let configuration: Configuration
    /// The manifest in force, which says what stays as it is; nil before a genesis.
    var inForce: Manifest?
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
        let threshold = try questions.ask(
            "How many custodians it takes", default: "\(inForce?.threshold ?? 2)")
        let approvers = try approvers()
        var text = "# Who hold the shares, from their enrolments ('custodian enrol').\ncustodians:\n"
        text += custodians.joined()
        text += "# How many of them it takes to approve, to activate, to change anything.\nthreshold: \(threshold)\n"
        if !approvers.isEmpty {
            text += "# Who approve configuration bundles, where config_approvals asks for it.\napprovers:\n"
            text += approvers.joined()
        }
        return text + dials
    }

    /// Who approve configurations: as they are, unless somebody else is named.
    private func approvers() throws -> [String] {
        let ask = {
            try questions.list("Enrolment file of an approver of configurations") {
                try person($0, isCustodian: false)
            }
        }
        guard let approvers = inForce?.approvers, !approvers.isEmpty else { return try ask() }
        let names = approvers.map(\.name).joined(separator: ", ")
        let answer = try questions.choose("Approvers of configurations are \(names)", ["keep", "change"])
        return try answer == "keep" ? approvers.map { line($0, isCustodian: false) } : ask()
    }

    /// The dials as they are in force.
    private var dials: String {
        let dials =
            inForce?.dials
            ?? .init(configApprovals: 0, unattendedStart: false, restartGrace: 0, fileTLSKeys: false)
        let origin = inForce.map { " These are manifest \($0.version)'s." } ?? ""
        return """
            # What the custodians decide to relax or to demand; shown in status, health and every transcript.\(origin)
            dials: {config_approvals: \(dials.configApprovals), unattended_start: \(dials.unattendedStart), \
            restart_grace: \(dials.restartGrace)s}

            """
    }

    private func person(_ file: String, isCustodian: Bool) throws -> String {
        let person = try Enrolment(file: try PrivateFile.readPublic(file, limit: 65_536)).person
        guard !isCustodian || person.ageRecipient != nil else {
            throw CommandFailure("\(file): is the enrolment of an approver: it has no age recipient")
        }
        return line(person, isCustodian: isCustodian)
    }

    private func line(_ person: Manifest.Person, isCustodian: Bool) -> String {
        let recipient = isCustodian ? person.ageRecipient.map { ", age_recipient: \($0)" } : nil
        return "  - {name: \(person.name), ssh_key: \(PlanWriter.quoted(person.sshKey))\(recipient ?? "")}\n"
    }

    /// A text in quotes, as YAML reads it back (YAML 1.2.2 section 7.3.1).
    static func quoted(_ text: String) -> String {
        "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
    }
}
