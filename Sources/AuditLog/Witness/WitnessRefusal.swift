/// Why a witness does not cosign.
///
/// Source: C2SP tlog-witness, "add-checkpoint".
package enum WitnessRefusal: Error, Sendable, Equatable {
    /// No well-formed request, or an old size beyond the checkpoint's.
    case malformed
    /// The witness does not know a log of this name.
    case unknownLog
    /// No trusted key has signed, or one has signed wrongly.
    case untrusted
    /// The witness last cosigned a checkpoint of this size, not of the old size that was named; or of the same size as the
    /// one to be cosigned, and of another tree.
    case conflict(size: UInt64)
    /// The checkpoint does not continue the one the witness cosigned last: the log has forked.
    case inconsistent
    /// The witness cannot keep its record, and cosigns nothing any more.
    case failed

    /// The HTTP status.
    package var status: Int {
        switch self {
        case .malformed: 400
        case .unknownLog: 404
        case .untrusted: 403
        case .conflict: 409
        case .inconsistent: 422
        case .failed: 500
        }
    }

    /// For people.
    package var explanation: String {
        switch self {
        case .malformed: "not an add-checkpoint request, or an old size beyond the checkpoint's"
        case .unknownLog: "this witness does not know a log of this name"
        case .untrusted: "no key that this witness trusts has signed the checkpoint"
        case .conflict(let size): "this witness last cosigned a checkpoint of \(size) entries"
        case .inconsistent: "the checkpoint does not continue the one that this witness cosigned last"
        case .failed: "this witness cannot keep its record"
        }
    }
}
