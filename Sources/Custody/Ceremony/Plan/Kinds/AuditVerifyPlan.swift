import StrictEncoding

/// The parameters of `audit-verify`.
package struct AuditVerifyPlan: Sendable, Equatable {
    /// Whether the whole audit log is verified too, which takes time.
    package var verifiesLog: Bool

    init(_ reader: PlanReader) { verifiesLog = reader.flag("verify_log", missing: true) }

    func add(to object: inout JSONObject) { object["verify_log"] = .bool(verifiesLog) }
}
