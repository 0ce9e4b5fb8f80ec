import StrictEncoding

/// The parameters of `rotate-epoch`: who holds the shares of the next secret.
package struct RotateEpochPlan: Sendable, Equatable {
    package var people: PlannedPeople
    /// Whether the tokens get new PINs; false where a token refuses C_SetPIN.
    package var setsPINs: Bool

    init(_ reader: PlanReader, others: [Manifest.Person]) {
        people = PlannedPeople(reader)
        people.checkApart(reader, others: others)
        setsPINs = reader.flag("set_pins", missing: true)
    }

    func add(to object: inout JSONObject) {
        people.add(to: &object)
        object["set_pins"] = .bool(setsPINs)
    }
}
