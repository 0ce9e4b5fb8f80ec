import StrictEncoding

/// The parameters of `drill`.
package struct DrillPlan: Sendable, Equatable {
    /// Who is to prove that the share can be opened; empty for all custodians.
    package var custodians: [String]

    init(_ reader: PlanReader) {
        custodians = reader.texts(
            "custodians", missing: [], "must be a custodian's name, once", mend: "copy it from status", Manifest.isName)
    }

    func add(to object: inout JSONObject) {
        if !custodians.isEmpty { object["custodians"] = .array(custodians.map { .string($0) }) }
    }
}
