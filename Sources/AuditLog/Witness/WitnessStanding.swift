/// How one witness stands to the log that it watches.
package struct WitnessStanding: Sendable, Equatable {
    /// The name of its key.
    package let name: String
    /// The size of the last checkpoint of this shard that it cosigned; 0 before the first.
    package var size: UInt64 = 0
    /// When that was, by its clock, in seconds since 1970; nil before the first.
    package var time: Int64?
    /// For how long there has been a checkpoint that it has not cosigned; nil while there is none.
    package var lag: Duration?
    /// Why it did not cosign when it was last asked; nil when it did.
    package var problem: String?
    /// Whether it contradicts the log: it knows another history of it, or a longer one.
    package var contradicts = false

    init(name: String) { self.name = name }
}

/// A checkpoint with the cosignatures that it has so far.
struct CosignedCheckpoint: Sendable {
    let checkpoint: Checkpoint
    let note: SignedNote
    /// Whether as many witnesses as are wanted have cosigned it.
    let hasQuorum: Bool
}
