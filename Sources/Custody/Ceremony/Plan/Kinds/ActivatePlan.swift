import StrictEncoding

/// The parameters of `activate`.
package struct ActivatePlan: Sendable, Equatable {
    /// How long the request for shares stays open, in seconds.
    package var requestLifetime: Int64

    init(_ reader: PlanReader) {
        requestLifetime = reader.seconds(
            "request_open_for", 60...ActivationDesk.longestLifetime, missing: ActivationDesk.defaultLifetime)
    }

    func add(to object: inout JSONObject) { object["request_open_for"] = .integer(requestLifetime) }
}
