/// Dials that a new plan cannot ask for, because they would do nothing.
///
/// Plans that were signed before are read as they are: their ceremonies verify as they did.
extension CeremonyParameters {
    /// Reports what could not work: `inForce` are the dials of the manifest in force, where it is known.
    func refuseDialsWithoutEffect(_ reader: PlanReader, inForce: Manifest.Dials?) {
        switch self {
        case .genesis(let plan):
            plan.people.refuseFileKeys(reader)
            guard plan.people.dials.unattendedStart else { return }
            for (index, token) in plan.tokens.enumerated() { token.refuseUnknownPIN(reader, "tokens[\(index)].pin") }
        case .replicate(let plan):
            if inForce?.unattendedStart ?? false { plan.token.refuseUnknownPIN(reader, "token.pin") }
        case .rotateEpoch(let plan):
            plan.people.refuseFileKeys(reader)
            guard plan.people.dials.unattendedStart, plan.setsPINs else { return }
            reader.fault(
                "set_pins", "sets PINs that nobody knows, and unattended_start reads the PIN from a file",
                mend: "write set_pins: false, or unattended_start: false")
        case .activate, .changeKeyState, .generate, .importKey, .removeToken, .drill, .auditVerify: break
        }
    }
}

extension PlannedPeople {
    fileprivate func refuseFileKeys(_ reader: PlanReader) {
        guard dials.fileTLSKeys else { return }
        reader.fault(
            "dials.file_tls_keys",
            "has no effect: the listeners' TLS keys are in the token, and none is read from a file",
            mend: "write false, or leave it out")
    }
}

extension PlannedToken {
    fileprivate func refuseUnknownPIN(_ reader: PlanReader, _ field: String) {
        guard userPIN == .replace else { return }
        reader.fault(
            field, "sets a PIN that nobody knows, and unattended_start reads the PIN from a file",
            mend: "adopt a token whose PIN you know, with pin: keep; or write unattended_start: false")
    }
}
