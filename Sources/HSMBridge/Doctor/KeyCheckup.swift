internal import CPKCS11

/// Looks at one private key: what the token says of it, what it refuses, and whether it signs.
///
/// Every probe leaves the key as it is even where the token wrongly grants it: a value read is dropped, an attribute is
/// set to what it is already, an operation that begins ends with its session.
struct KeyCheckup {
    private static let canaries = 5

    private(set) var report: KeyReport
    var findings: [Finding] = []
    private let item: KeyInventory.Item
    private let publicObject: CK_OBJECT_HANDLE?
    private let expected: TokenExamination.ExpectedKey?
    private let profile: TokenProfile
    private var subject: String { "key \(report.label)" }

    init(
        item: KeyInventory.Item, publicObject: CK_OBJECT_HANDLE?, expected: TokenExamination.ExpectedKey?,
        profile: TokenProfile, in session: borrowing Session
    ) throws(HSMError) {
        self.item = item
        self.publicObject = publicObject
        self.expected = expected
        self.profile = profile
        let object = item.object
        let algorithm: KeyAlgorithm?
        if let expected {
            algorithm = expected.reference.algorithm
        } else {
            algorithm = try session.algorithm(
                of: item.handle, publicObject: publicObject, allowed: object.allowedMechanisms)
        }
        let told: KeyReport.Provenance? =
            switch object.attributes[AttributeType.local.name] {
            case _ where profile.quirks.contains(.historyHardWired): nil
            case true?: .generated
            case false?: .imported
            case nil: nil
            }
        report = KeyReport(
            label: object.label, id: object.id, algorithm: algorithm, purpose: expected?.purpose,
            kid: expected?.entry?.kid, state: expected?.entry?.state,
            provenance: told ?? expected?.entry?.provenance ?? .unknown, attributes: object.attributes,
            allowedMechanisms: object.allowedMechanisms.map { MechanismType(rawValue: $0).name })
    }

    /// What is wrong with a key that the appliance uses is a fault; with any other it is worth a note.
    mutating func run(login: TokenLogin, in session: borrowing Session) {
        if expected?.entry?.isDestroyed == true {
            findings.append(
                .fault(
                    subject, "key-not-destroyed", "the manifest says that it was destroyed, and the token holds it",
                    mend: "find out how it came back; destroy it with the vendor's tool"))
        }
        judgeAttributes()
        judgeEvidence()
        probe(login, in: session)
        if use == .sign { sign(in: session) } else { roundTrip(in: session) }
    }

    /// What the manifest has the key for; of a key that no manifest names, what the token says it does.
    private var use: KeyUse {
        if let expected { return expected.reference.algorithm.oaepHash == nil ? .sign : .decrypt }
        return report.attributes[AttributeType.decrypt.name] == true
            && report.attributes[AttributeType.sign.name] != true ? .decrypt : .sign
    }

    private var signs: Bool { expected != nil || report.attributes[AttributeType.sign.name] == true }

    private mutating func add(_ code: String, _ text: String, mend: String) {
        let severity: Finding.Severity = expected?.mustWork == true ? .fault : .note
        findings.append(Finding(severity: severity, subject: subject, code: code, text: text, mend: mend))
    }

    private mutating func judgeAttributes() {
        let flags = report.attributes
        if flags[AttributeType.sensitive.name] != true || flags[AttributeType.extractable.name] != false {
            add(
                "key-extractable", "it could leave the token: it is not sensitive, or it is extractable",
                mend: "do not use it; make another key")
        }
        let past: [AttributeType] = [.local, .alwaysSensitive, .neverExtractable]
        let doubts = past.filter { flags[$0.name] != true }.map(\.name)
        // The manifest says of a provider's key that it came from outside; that is no news.
        let isKnownImport = expected?.evidence[AttributeType.local.name] == false
        if !doubts.isEmpty, !isKnownImport, !profile.quirks.contains(.historyHardWired) {
            add(
                "key-imported", "it has been outside, or could have been: not \(doubts.joined(separator: ", "))",
                mend: "make a key in the token, and retire this one")
        }
        let expectedFlags: [(type: AttributeType, value: Bool)] = KeyTemplates.privateFlags(use).filter {
            ![.sensitive, .extractable, .destroyable].contains($0.type)
        }
        let odd = expectedFlags.filter { flags[$0.type.name].map { [value = $0.value] in $0 != value } ?? false }
        guard !odd.isEmpty else { return }
        let names = odd.map { "\($0.type.name) \(!$0.value)" }.joined(separator: ", ")
        add("key-attributes", "it is not as this appliance makes its keys: \(names)", mend: "make another key")
    }

    /// What the manifest says the token said when the key was made.
    private mutating func judgeEvidence() {
        for (name, then) in (expected?.evidence ?? [:]).sorted(by: { $0.key < $1.key }) {
            guard let now = report.attributes[name], now != then else { continue }
            add(
                "key-changed", "\(name) is \(now), and was \(then) when the key was made",
                mend: "somebody with the PIN has changed it: find out who, and replace the key")
        }
    }

    private mutating func sign(in session: borrowing Session) {
        // A key that the manifest has for signing is tried whatever the token says, or does not say, of it.
        guard let algorithm = report.algorithm, signs else { return }
        do throws(HSMError) {
            let (object, mechanism, publicKey) = try subject(algorithm, in: session)
            let verifier = try SignatureVerifier(publicKey, algorithm: algorithm)
            var times: [Duration] = []
            for _ in 0..<Self.canaries {
                times.append(try session.canary(object, mechanism, verifier, algorithm))
            }
            report.signature = times.sorted()[Self.canaries / 2]
        } catch {
            let code = error.findingCode == "device" ? "key-does-not-sign" : error.findingCode
            add(code, "\(error)", mend: error.mend)
        }
    }

    /// What the host encrypts comes back; how long the token takes counts like a signature's time.
    private mutating func roundTrip(in session: borrowing Session) {
        guard let expected, let hash = expected.reference.algorithm.oaepHash else { return }
        do throws(HSMError) {
            let handle = try session.locate(expected.reference, profile: profile, generation: 0)
            let encryption = try OAEPEncryption(expected.reference.publicKey, hash: hash)
            var times: [Duration] = []
            for _ in 0..<Self.canaries {
                let start = ContinuousClock.now
                try session.proveRoundTrip(encryption, handle, label: report.label)
                times.append(ContinuousClock.now - start)
            }
            report.signature = times.sorted()[Self.canaries / 2]
        } catch {
            let code = error.findingCode == "device" ? "key-does-not-decrypt" : error.findingCode
            add(code, "\(error)", mend: error.mend)
        }
    }

    /// As the appliance finds the key; one that no manifest names is checked with the public key beside it.
    private func subject(
        _ algorithm: KeyAlgorithm, in session: borrowing Session
    ) throws(HSMError) -> (CK_OBJECT_HANDLE, Mechanism, PublicKey) {
        if let expected {
            let handle = try session.locate(expected.reference, profile: profile, generation: 0)
            return (handle.object, handle.mechanism, expected.reference.publicKey)
        }
        guard let publicObject else { throw HSMError(.keyNotFound, context: "no public key beside it") }
        let allowed = Set(item.object.allowedMechanisms.map { MechanismType(rawValue: $0) })
        let publicKey = try session.publicKey(of: publicObject, algorithm: algorithm)
        return (item.handle, try profile.mechanism(for: algorithm, allowed: allowed), publicKey)
    }
}

// MARK: - Negative probes

extension KeyCheckup {
    private mutating func probe(_ login: TokenLogin, in session: borrowing Session) {
        let isRSA = report.algorithm.map(\.isRSA) ?? false
        switch session.refusalToShow(isRSA ? .privateExponent : .value, of: item.handle) {
        case .some(.ok): report.refusals["read_private"] = .ok
        case let answer:
            note(
                "read_private", answer ?? .ok, fault: "the token would show the private key",
                mend: "do not use this token")
        }
        probeFreezing(login)
        guard let algorithm = report.algorithm, signs, use == .sign else { return }
        if !report.allowedMechanisms.isEmpty {
            let foreign = algorithm.foreignMechanisms.first {
                profile.mechanisms.contains($0.type) && !report.allowedMechanisms.contains($0.type.name)
            }
            if let foreign {
                begin("other_mechanism", login) { (session, key) throws(HSMError) in
                    try session.signInit(foreign, key: key)
                }
            }
        }
        if isRSA, use == .sign, profile.mechanisms.contains(.rsaPKCS) {
            begin("decrypt", login) { (session, key) throws(HSMError) in
                try session.decryptInit(.plain(.rsaPKCS), key: key)
            }
        }
    }

    /// Sets the label to what it is: a token that keeps CKA_MODIFIABLE refuses, and one that does not changes nothing.
    private mutating func probeFreezing(_ login: TokenLogin) {
        guard report.attributes[AttributeType.modifiable.name] == false else { return }
        do throws(HSMError) {
            let session = try login.openSession(readWrite: true)
            guard let value = try session.setLabelToItself(item.handle) else {
                return notDone("set_label", "the token shows no label")
            }
            if value == .ok, profile.quirks.contains(.attributesNotFrozen) { return }
            note(
                "set_label", value, fault: "CKA_MODIFIABLE is false, and the token lets attributes be set all the same",
                mend: "whoever has the PIN can change what the token says of this key; use another token")
        } catch {
            notDone("set_label", "\(error)")
        }
    }

    private mutating func begin(
        _ name: String, _ login: TokenLogin,
        _ call: (borrowing Session, CK_OBJECT_HANDLE) throws(HSMError) -> Void
    ) {
        let value: ReturnValue
        do throws(HSMError) {
            // In a session of its own, which takes an operation that wrongly began with it.
            let session = try login.openSession()
            do throws(HSMError) {
                try call(session, item.handle)
                value = .ok
            } catch {
                value = error.returnValue ?? .generalError
            }
        } catch {
            return notDone(name, "\(error)")
        }
        note(
            name, value, fault: "the token would use it for \(name)",
            mend: "use a token that binds keys to one use, or make the key anew")
    }

    /// Only a refusal of the operation itself shows that the key refuses: a broken device refuses everything.
    private mutating func note(_ name: String, _ value: ReturnValue, fault: String, mend: String) {
        if value == .ok {
            add("key-does-not-refuse-" + name.replacing("_", with: "-"), fault, mend: mend)
        } else if value.failureClass == .operation {
            report.refusals[name] = value
        } else {
            notDone(name, "\(value)")
        }
    }

    private mutating func notDone(_ name: String, _ problem: String) {
        findings.append(.probeNotDone(subject, name, problem))
    }
}

extension Session {
    /// Sets the label to the bytes it has, which need not be UTF-8; nil when the object has none.
    func setLabelToItself(_ object: CK_OBJECT_HANDLE) throws(HSMError) -> ReturnValue? {
        guard let label = try attribute(.label, of: object) else { return nil }
        return set(.data(.label, label), of: object)
    }

    /// What a key is most likely used with: its kind, its curve and the mechanisms it allows say so.
    fileprivate func algorithm(
        of key: CK_OBJECT_HANDLE, publicObject: CK_OBJECT_HANDLE?, allowed: [UInt]
    ) throws(HSMError) -> KeyAlgorithm? {
        switch try numbers(.keyType, of: key).first {
        case CKK_RSA: return allowed.contains(MechanismType.rsaPSS.rawValue) && allowed.count == 1 ? .ps256 : .rs256
        case CKK_EC, CKK_EC_EDWARDS:
            var curve = try attribute(.ecParameters, of: key)
            if curve == nil, let publicObject { curve = try attribute(.ecParameters, of: publicObject) }
            return curve.flatMap { curve in KeyAlgorithm.signatures.first { $0.isCurve(curve) } }
        default: return nil
        }
    }
}
