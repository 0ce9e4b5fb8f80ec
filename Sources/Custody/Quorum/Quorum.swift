/// Counts persons, not signatures: each must be one of those who may sign, and nobody counts twice.
package enum Quorum {
    /// The names of those who signed `message`, in the order of their signatures.
    ///
    /// One signature that does not hold, of a stranger or of the same person again, refuses them all: a file that
    /// carries such a thing was tampered with, and nobody should go on with it.
    package static func signers(
        of message: [UInt8], signatures: [String], for purpose: SignaturePurpose, among people: [Manifest.Person]
    ) throws(CustodyError) -> [String] {
        var names: [String] = []
        for text in signatures {
            let person = try signer(of: message, signature: text, for: purpose, among: people)
            guard !names.contains(person.name) else {
                throw CustodyError(.repeated, "\(person.name) has signed twice; one person counts once")
            }
            names.append(person.name)
        }
        return names
    }

    /// The one of `people` who made the signature.
    package static func signer(
        of message: [UInt8], signature text: String, for purpose: SignaturePurpose, among people: [Manifest.Person]
    ) throws(CustodyError) -> Manifest.Person {
        let signature = try SSHSignature(armored: text)
        let person = try owner(of: signature.publicKey, among: people)
        _ = try signature.verify(message, namespace: purpose.namespace)
        return person
    }

    /// The one of `people` whose key it is.
    package static func owner(
        of key: SSHPublicKey, among people: [Manifest.Person]
    ) throws(CustodyError) -> Manifest.Person {
        for person in people where try SSHPublicKey(line: person.sshKey) == key { return person }
        throw CustodyError(
            .stranger,
            people.isEmpty
                ? "the manifest names nobody who may sign this, so the key \(key.fingerprint) is nobody's"
                : "the key \(key.fingerprint) belongs to none of \(people.map(\.name).joined(separator: ", "))")
    }

    /// As `signers`, and at least `needed` of them.
    package static func require(
        _ needed: Int, of message: [UInt8], signatures: [String], for purpose: SignaturePurpose,
        among people: [Manifest.Person]
    ) throws(CustodyError) -> [String] {
        let names = try signers(of: message, signatures: signatures, for: purpose, among: people)
        guard names.count >= needed else {
            let missing = people.map(\.name).filter { !names.contains($0) }
            throw CustodyError(
                .tooFew,
                "\(needed) must have signed, \(names.count) have; missing: \(missing.joined(separator: ", "))")
        }
        return names
    }
}
