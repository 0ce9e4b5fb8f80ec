import StrictEncoding

/// The parameters of `remove-token`.
package struct RemoveTokenPlan: Sendable, Equatable {
    /// The token's serial number.
    package var token: String
    /// Whether its keys are destroyed; false for a token that is gone already.
    package var destroysKeys: Bool

    init(_ reader: PlanReader) {
        token = reader.text("token", "must be the serial number of a token", mend: "copy it from status") {
            PlanReader.isLine($0)
        }
        destroysKeys = reader.flag("destroy_keys")
    }

    func add(to object: inout JSONObject) {
        object["token"] = .string(token)
        object["destroy_keys"] = .bool(destroysKeys)
    }
}
