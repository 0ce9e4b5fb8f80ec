import Custody
import Policy
import StrictEncoding

@testable import VaultAppliance

extension FuzzParser {
    /// What is accepted has one meaning, and names nothing twice; what is refused is told in whole lines, each with its mend.
    func policy(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        let read: PolicySet
        do throws(ConfigurationError) {
            read = try FuzzParser.policy(input)
        } catch {
            try FuzzParser.checkTold(error)
            return false
        }
        let (rules, denials) = (read.rules, read.denials)
        let again = try? FuzzParser.policy(input)
        try FuzzFinding.unless(again?.rules == rules && again?.denials == denials, "reads a policy in two ways")
        let names = rules.map(\.id) + denials.map(\.id)
        try FuzzFinding.unless(Set(names).count == names.count, "accepts two rules of one name")
        try FuzzFinding.unless(
            rules.allSatisfy { $0.lifetime.default >= 1 && $0.lifetime.default <= $0.lifetime.max },
            "accepts a lifetime over its bound")
        return true
    }

    private static func policy(_ input: [UInt8]) throws(ConfigurationError) -> PolicySet {
        try PolicyDocument.decode(input, file: "policy.yaml", configuration: nil).policy
    }

    /// As for a policy; no file is opened.
    func configuration(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        let (configuration, source) = Configuration.decode(input, file: "/nowhere/config.yaml")
        guard source.faults.isEmpty else {
            try FuzzParser.checkTold(ConfigurationError(faults: source.faults))
            return false
        }
        try FuzzFinding.unless(
            Configuration.decode(input, file: "/nowhere/config.yaml").0 == configuration, "reads a file in two ways")
        let labels = configuration.keys.map(\.label)
        try FuzzFinding.unless(Set(labels).count == labels.count, "accepts two keys of one label")
        let clients = configuration.clients.map(\.id)
        try FuzzFinding.unless(Set(clients).count == clients.count, "accepts two clients of one id")
        return true
    }

    /// A genesis that is accepted is written as a plan that custodians' tools read.
    func planDraft(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        let document: PlanDocument
        do throws(ConfigurationError) {
            document = try PlanDocument(input, file: "plan.yaml")
        } catch {
            try FuzzParser.checkTold(error)
            return false
        }
        let plan: CeremonyPlan
        do throws(PlanError) {
            guard try CeremonyPlan.check(draft: document.value) == .genesis else { return true }
            plan = try CeremonyPlan(
                draft: document.value, manifest: nil, now: UnixTime(seconds: 1_700_000_000),
                random: { [UInt8](repeating: 7, count: $0) })
        } catch {
            let faults = error.faults.map { ($0.field, $0.problem, $0.mend) }
            try FuzzParser.checkTold(document.error(faults))
            return false
        }
        let isWritten = plan.bytes.count > CeremonyPlan.maximumBytes || (try? CeremonyPlan(file: plan.bytes)) == plan
        try FuzzFinding.unless(isWritten, "writes a plan that it does not read")
        return true
    }

    /// At least one fault, each on a line of its own with its mend, and nothing that a terminal would obey.
    private static func checkTold(_ error: ConfigurationError) throws(FuzzFinding) {
        try FuzzFinding.unless(!error.faults.isEmpty, "refuses without a fault")
        for fault in error.faults {
            try FuzzFinding.unless(!fault.message.isEmpty && !fault.mend.isEmpty, "names a fault without its mend")
            let isPlain = fault.description.unicodeScalars.allSatisfy {
                ![.control, .format, .lineSeparator, .paragraphSeparator].contains($0.properties.generalCategory)
            }
            try FuzzFinding.unless(isPlain, "repeats control characters of the file")
        }
    }
}
