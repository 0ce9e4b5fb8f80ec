package import AuditLog

/// What the front may ask of the core, and all it may ask (docs/operating.md, "The two processes").
///
/// The core itself conforms, and so does the front's client of its socket, so that the front's tests can run with the
/// core in process.
package protocol CoreService: Sendable {
    /// The core's public keys, manifest and health.
    func describe() async throws(CoreError) -> CoreDescription

    /// Records an entry durably and signs `request.input` for it; the signature is returned only when both are done.
    func sign(_ request: SignRequest) async throws(CoreError) -> SignedRecord

    /// Records an entry durably and returns the index of its leaf.
    func append(_ entry: Entry) async throws(CoreError) -> UInt64

    /// The revocations and cut-offs in force from number `request.from` on; waits up to `request.wait` for the first.
    func read(_ request: ReadRequest) async throws(CoreError) -> LiveEntries

    /// The body of the next `add-checkpoint` request to a witness of the log (C2SP tlog-witness); nil: nothing new.
    func witnessRequest(_ request: WitnessRequest) async throws(CoreError) -> [UInt8]?

    /// Takes what a witness has answered, and says whether it was a cosignature.
    func witnessAnswered(_ answer: WitnessAnswer) async throws(CoreError) -> Witnesses.Verdict

    /// Records the use of a sealed secret durably and opens it; the value is returned only when both are done.
    func open(_ request: OpenRequest) async throws(CoreError) -> OpenedSecret

    /// Signs a TLS 1.3 server CertificateVerify, and nothing else, with the listener's key of this kid; the result is DER.
    func tlsSign(key kid: String, data: [UInt8]) async throws(CoreError) -> [UInt8]
}

/// One signature the front asks for, with the record that goes before it.
package struct SignRequest: Sendable {
    /// RFC 7638 thumbprint of the key to sign with.
    package var kid: String
    /// What the audit log will say.
    ///
    /// The core adds time, custody mode, manifest version and key label.
    package var entry: Entry
    /// The JWS signing input (RFC 7515 section 5.1).
    package var input: [UInt8]
    /// How long the caller can still wait.
    package var patience: Duration
    /// Names the request that this is for: one that is made again has the same, and gets the place it was promised.
    ///
    /// Zero names none. It decides about nothing but the order of those who wait.
    package var turn: UInt64
    /// When the credential was issued that proves the user: whose session has ended meanwhile gets nothing.
    package var issued: Involved.IssueTime

    /// A request for one signature.
    package init(
        kid: String, entry: Entry, input: [UInt8], patience: Duration, turn: UInt64 = 0,
        issued: Involved.IssueTime = .notTold
    ) {
        self.kid = kid
        self.entry = entry
        self.input = input
        self.patience = patience
        self.turn = turn
        self.issued = issued
    }
}

/// A signature whose record is durable.
package struct SignedRecord: Sendable, Equatable {
    /// JOSE form: raw r||s for ECDSA, RFC 8032 for EdDSA, the RSA signature for RS256 and PS256.
    package var signature: [UInt8]
    /// Index of the leaf that records it.
    package var index: UInt64

    /// A signature and where it is recorded.
    package init(signature: [UInt8], index: UInt64) {
        self.signature = signature
        self.index = index
    }
}
