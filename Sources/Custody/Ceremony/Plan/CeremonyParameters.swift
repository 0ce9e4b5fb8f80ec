import StrictEncoding

/// What a plan says beyond what all plans say, by kind.
package enum CeremonyParameters: Sendable, Equatable {
    case genesis(GenesisPlan)
    case activate(ActivatePlan)
    case changeKeyState(KeyStatePlan)
    case generate(GeneratePlan)
    case importKey(ImportPlan)
    case replicate(ReplicatePlan)
    case removeToken(RemoveTokenPlan)
    case rotateEpoch(RotateEpochPlan)
    case drill(DrillPlan)
    case auditVerify(AuditVerifyPlan)

    /// Reads the parameters of a kind; `others` are the people who may be nobody of the plan's.
    init(_ kind: CeremonyKind, _ reader: PlanReader, others: [Manifest.Person]) {
        self =
            switch kind {
            case .genesis: .genesis(GenesisPlan(reader, others: others))
            case .activate: .activate(ActivatePlan(reader))
            case .changeKeyState: .changeKeyState(KeyStatePlan(reader))
            case .generate: .generate(GeneratePlan(reader))
            case .importKey: .importKey(ImportPlan(reader))
            case .replicate: .replicate(ReplicatePlan(reader))
            case .removeToken: .removeToken(RemoveTokenPlan(reader))
            case .rotateEpoch: .rotateEpoch(RotateEpochPlan(reader, others: others))
            case .drill: .drill(DrillPlan(reader))
            case .auditVerify: .auditVerify(AuditVerifyPlan(reader))
            }
    }

    /// The kind.
    package var kind: CeremonyKind {
        switch self {
        case .genesis: .genesis
        case .activate: .activate
        case .changeKeyState: .changeKeyState
        case .generate: .generate
        case .importKey: .importKey
        case .replicate: .replicate
        case .removeToken: .removeToken
        case .rotateEpoch: .rotateEpoch
        case .drill: .drill
        case .auditVerify: .auditVerify
        }
    }

    /// Adds the parameters to the plan's members.
    func add(to object: inout JSONObject) {
        switch self {
        case .genesis(let plan): plan.add(to: &object)
        case .activate(let plan): plan.add(to: &object)
        case .changeKeyState(let plan): plan.add(to: &object)
        case .generate(let plan): plan.add(to: &object)
        case .importKey(let plan): plan.add(to: &object)
        case .replicate(let plan): plan.add(to: &object)
        case .removeToken(let plan): plan.add(to: &object)
        case .rotateEpoch(let plan): plan.add(to: &object)
        case .drill(let plan): plan.add(to: &object)
        case .auditVerify(let plan): plan.add(to: &object)
        }
    }
}
