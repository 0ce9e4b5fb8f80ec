import StrictEncoding

/// The parameters of `rotate-epoch`: who holds the shares of the next secret.
package struct RotateEpochPlan: Sendable, Equatable {
    package var people: PlannedPeople
    /// Whether the tokens get new PINs; false where a token refuses C_SetPIN.
    package var setsPINs: Bool
    /// Whether the appliance gets another host key, as after a theft of its file.
    package var makesHostKey: Bool

    init(_ reader: PlanReader, others: [Manifest.Person]) {
        people = PlannedPeople(reader)
        people.checkApart(reader, others: others)
        setsPINs = reader.flag("set_pins", missing: true)
        makesHostKey = reader.flag("new_host_key", missing: false)
    }

    func add(to object: inout JSONObject) {
        people.add(to: &object)
        object["set_pins"] = .bool(setsPINs)
        // Left out where the key stays, as in the plans of before there was a choice: they verify as they did.
        if makesHostKey { object["new_host_key"] = .bool(true) }
    }
}
