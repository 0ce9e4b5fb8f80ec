import Custody
import StrictEncoding

/// Custodians with keys of their own, and the appliance whose manifest names them.
struct QuorumFixture {
    /// A custodian whose keys are in memory.
    struct Someone {
        let name: String
        let ssh: SSHPrivateKey
        let age: AgeIdentity

        init(_ name: String) throws {
            self.name = name
            ssh = try SSHPrivateKey()
            age = try AgeIdentity()
        }

        var person: Manifest.Person {
            Manifest.Person(name: name, sshKey: ssh.publicKey.line, ageRecipient: age.recipient.description)
        }

        func sign(_ bytes: [UInt8], _ purpose: SignaturePurpose) throws -> String {
            try ssh.sign(bytes, namespace: purpose.namespace)
        }
    }

    static let appliance = "00112233445566778899aabbccddeeff"
    static let now = UnixTime(seconds: 1_795_000_000)

    let people: [Someone]
    let host: SSHPrivateKey
    let secret: LockedBytes
    let shares: [Share]
    let genesis: Manifest

    var chain: ManifestChain { get throws { try ManifestChain(verifying: [genesis]) } }

    init(names: [String] = ["alice", "bob", "carol"], threshold: Int = 2, appliance: String = Self.appliance) throws {
        people = try names.map { try Someone($0) }
        host = try SSHPrivateKey()
        secret = try LockedBytes.random(count: Share.secretLength)
        shares = try Share.make(
            of: secret, appliance: appliance, epoch: 1, threshold: threshold, count: names.count)
        var manifest = try Manifest(jsonBytes: JSONWriter.canonical(ManifestTests.manifest()))
        manifest.appliance = appliance
        manifest.custody = .quorum
        manifest.created = Self.now
        manifest.hostKey = host.publicKey.line
        manifest.custodians = people.map(\.person)
        manifest.threshold = Int64(threshold)
        manifest.activation = .init(
            epoch: 1,
            shares: zip(names, shares).map {
                .init(custodian: $0, index: Int64($1.index), commitment: $1.commitment)
            })
        genesis = try Self.signed(manifest, by: Array(people.prefix(threshold)))
    }

    static func signed(_ manifest: Manifest, by people: [Someone]) throws -> Manifest {
        var manifest = manifest
        manifest.signatures = try people.map { try $0.sign(manifest.bodyBytes, .manifest) }
        return manifest
    }

    /// The next version, with the changes of `change`, signed.
    func successor(by signers: [Someone]? = nil, _ change: (inout Manifest) -> Void = { _ in }) throws -> Manifest {
        var next = genesis
        next.version = 2
        next.previous = genesis.hash
        change(&next)
        return try Self.signed(next, by: signers ?? Array(people.prefix(2)))
    }

    func desk(clock: @escaping @Sendable () -> UnixTime = { QuorumFixture.now }) throws -> ActivationDesk {
        try ActivationDesk(chain: try chain, hostKey: host, build: "b", clock: clock)
    }

    /// What a custodian sends: the share to the request's recipient, signed for that request.
    func contribution(
        _ index: Int, to request: ActivationRequest, share: LockedBytes? = nil, signer: Int? = nil
    ) throws -> (file: [UInt8], signature: String) {
        let file = try AgeFile.encrypt(
            share ?? shares[index].encoded, to: [try AgeRecipient(request.recipient)])
        return (file, try people[signer ?? index].sign(file, .contribution(request: request.hash)))
    }
}
