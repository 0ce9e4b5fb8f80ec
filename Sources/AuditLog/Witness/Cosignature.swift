/// That a witness had seen a checkpoint at a moment, and nothing else of the same log before that contradicts it.
package struct Cosignature: Sendable, Equatable {
    /// Whose it is.
    package let witness: WitnessKey
    /// Seconds since 1970, by the witness's clock.
    package let time: Int64
    /// The line as it stands in the note.
    let line: SignedNote.Signature
}

extension SignedNote {
    /// The cosignatures of known witnesses, one each; a known key's line that is wrong spoils the note.
    ///
    /// Source: C2SP signed-note, "Signatures".
    package func cosignatures(of witnesses: [WitnessKey]) throws(AuditLogError) -> [Cosignature] {
        var found: [Cosignature] = []
        for line in signatures {
            for witness in witnesses where witness.isNamed(by: line) {
                guard let time = witness.time(of: line, text: text) else {
                    throw AuditLogError(.badSignature, "the cosignature of \(witness.name) is wrong")
                }
                guard !found.contains(where: { $0.witness == witness }) else { continue }
                found.append(Cosignature(witness: witness, time: time, line: line))
            }
        }
        return found
    }

    /// The same note with further signature lines.
    func adding(_ cosignatures: [Cosignature]) -> SignedNote {
        SignedNote(text: text, signatures: signatures + cosignatures.map(\.line))
    }
}
