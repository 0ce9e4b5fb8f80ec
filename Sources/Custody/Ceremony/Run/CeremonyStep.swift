package import StrictEncoding

/// One step of a ceremony, of which one is executed at a time.
///
/// After a crash the runner asks `verify` whether the step's effect is in place. If not, `undo` takes away what there may
/// be of it and the step is taken again; a step without `undo` must bear to be taken again as it is.
package struct CeremonyStep: Sendable {
    /// Whether a step can be taken now.
    package enum Readiness: Sendable {
        case ready
        case waiting(CeremonyWait)
    }

    /// Who does the step, in the eyes of people.
    package enum Role: String, Sendable, CaseIterable {
        case administrator, custodians, appliance
    }

    /// Its name in the transcript: `a-z`, digits, '.', '-'; unique within the ceremony.
    package let name: String
    /// What it does, for people: an infinitive without a full stop.
    package let title: String
    package let role: Role
    /// Looks whether the step can be taken; throws when it never can as things are, and changes nothing.
    package let check: @Sendable () async throws -> Readiness
    /// Takes the step.
    package let act: @Sendable () async throws -> Void
    /// Reads back whether the effect is in place: the evidence for the transcript, or nil; changes nothing.
    package let verify: @Sendable () async throws -> JSONObject?
    /// Takes away what there is of the effect, whole or half; may be called twice.
    package let undo: (@Sendable () async throws -> Void)?
    /// What remains after an abort because nothing takes it away; nil when nothing does.
    package let leaves: String?
    /// The same where the step was begun and is not seen to be done; nil where `leaves` is true of that too.
    package let leavesInPart: String?
    /// Whether an abort takes back nothing that came before it once its effect is in place.
    package let isFinal: Bool
    /// Whether an abort waits, or fails and is tried again, until the step is taken back: what came before it is what it is
    /// taken back with, and its effect must not outlive it.
    package let mustBeUndone: Bool

    /// A step.
    package init(
        name: String, title: String, role: Role = .appliance,
        check: @escaping @Sendable () async throws -> Readiness = { .ready },
        act: @escaping @Sendable () async throws -> Void,
        verify: @escaping @Sendable () async throws -> JSONObject?,
        undo: (@Sendable () async throws -> Void)? = nil, leaves: String? = nil,
        leavesInPart: String? = nil, isFinal: Bool = false, mustBeUndone: Bool = false
    ) {
        self.name = name
        self.title = title
        self.role = role
        self.check = check
        self.act = act
        self.verify = verify
        self.undo = undo
        self.leaves = leaves
        self.leavesInPart = leavesInPart
        self.isFinal = isFinal
        self.mustBeUndone = mustBeUndone
    }
}
