package import Custody
package import StrictEncoding

/// Custodians in memory, and what a ceremony genesis would have given them: for tests of what comes after it.
package struct SoftwareQuorum: Sendable {
    package let people: [SoftwareCustodian]
    package let approvers: [SoftwareCustodian]
    package let host: SSHPrivateKey
    package let secret: LockedBytes
    package let shares: [Share]
    package let threshold: Int
    private let appliance: String

    /// Custodians of an appliance, with an activation secret of their own.
    package init(
        appliance: String, names: [String] = ["alice", "bob", "carol"], approvers: [String] = ["dave", "erin"],
        threshold: Int = 2, epoch: UInt32 = 1
    ) throws(CustodyError) {
        var (people, others): ([SoftwareCustodian], [SoftwareCustodian]) = ([], [])
        for name in names { people.append(try SoftwareCustodian(name)) }
        for name in approvers { others.append(try SoftwareCustodian(name)) }
        self.people = people
        self.approvers = others
        self.threshold = threshold
        self.appliance = appliance
        host = try SSHPrivateKey()
        secret = try LockedBytes.random(count: Share.secretLength)
        shares = try Share.make(
            of: secret, appliance: appliance, epoch: epoch, threshold: threshold, count: names.count)
    }

    /// The first manifest under this quorum, of the tokens and keys of another.
    package func genesis(
        of manifest: Manifest, dials: Manifest.Dials? = nil
    ) throws(CustodyError) -> Manifest {
        var next = manifest
        next.custody = .quorum
        (next.version, next.previous) = (1, nil)
        next.hostKey = host.publicKey.line
        next.custodians = people.map(\.custodian)
        next.approvers = approvers.map(\.approver)
        next.threshold = Int64(threshold)
        next.dials =
            dials ?? .init(configApprovals: 0, unattendedStart: false, restartGrace: 0, fileTLSKeys: false)
        next.activation = .init(
            epoch: 1,
            shares: zip(people, shares).map {
                .init(custodian: $0.name, index: Int64($1.index), commitment: $1.commitment)
            })
        return try signed(next)
    }

    /// A manifest with the signatures of the first so many custodians, or of others.
    package func signed(
        _ manifest: Manifest, by signers: [SoftwareCustodian]? = nil
    ) throws(CustodyError) -> Manifest {
        var manifest = manifest
        manifest.signatures = []
        for person in signers ?? Array(people.prefix(threshold)) {
            manifest.signatures.append(try person.sign(manifest.bodyBytes, .manifest))
        }
        return manifest
    }

    /// The manifest that follows another, changed and signed.
    package func successor(
        of manifest: Manifest, at time: UnixTime, by signers: [SoftwareCustodian]? = nil,
        _ change: (inout Manifest) -> Void = { _ in }
    ) throws(CustodyError) -> Manifest {
        var next = manifest
        next.version = manifest.version + 1
        next.previous = manifest.hash
        next.created = time
        change(&next)
        return try signed(next, by: signers)
    }

    /// Puts everything in place that a core needs.
    package func write(
        _ manifest: Manifest, pins: [String: [UInt8]], to directory: CustodyDirectory
    ) throws(CustodyError) {
        try directory.create()
        try PrivateFile.create(directory.hostKeyFile, try host.fileContents(check: 1))
        try directory.add(manifest)
        try directory.add(try wrapped(pins, epoch: manifest.activation?.epoch ?? 0))
    }

    /// The file of sealed PINs.
    package func wrapped(_ pins: [String: [UInt8]], epoch: Int64) throws(CustodyError) -> WrappedPINs {
        var file = WrappedPINs(appliance: appliance, epoch: epoch)
        for (serial, pin) in pins {
            try file.wrap(try LockedBytes(copying: pin), serial: serial, under: secret)
        }
        return file
    }

    /// What one custodian sends: the share to the request's recipient, signed for that request.
    package func contribution(
        of index: Int, to request: ActivationRequest, share: LockedBytes? = nil, signer: SoftwareCustodian? = nil
    ) throws(CustodyError) -> (file: [UInt8], signature: String) {
        let file = try AgeFile.encrypt(
            share ?? shares[index].encoded, to: [try AgeRecipient(request.recipient)])
        return (file, try (signer ?? people[index]).sign(file, .contribution(request: request.hash)))
    }

    /// An order of one of them, signed.
    package func order(
        _ action: Order.Action, _ subject: String = "", instance: String, now: UnixTime, by person: SoftwareCustodian,
        appliance: String? = nil, reason: String = "somebody decided so"
    ) throws(CustodyError) -> (file: String, signature: String) {
        var generator = SystemRandomNumberGenerator()
        let nonce = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let order = Order(
            action: action, appliance: appliance ?? self.appliance, instance: instance, subject: subject,
            reason: action.hasReason ? reason : "", expires: now.adding(seconds: 120),
            nonce: Hexadecimal.string(nonce))
        return (String(decoding: order.bytes, as: UTF8.self), try person.sign(order.bytes, .order))
    }
}
