internal import CPKCS11

/// The part of an examination that looks at every object, and at the keys a manifest wants.
struct KeyInventory {
    /// An object with its handle in the examination's session.
    struct Item {
        let handle: CK_OBJECT_HANDLE
        let object: TokenObject
    }

    let login: TokenLogin
    let profile: TokenProfile
    let examination: TokenExamination
    let notes: ExaminationNotes

    /// The keys that this token must hold; nil without a manifest.
    private var expected: [TokenExamination.ExpectedKey]? {
        examination.expected?.filter { $0.serial == profile.info.serial }
    }

    func run() throws(HSMError) {
        let session = try notes.timed("open a session") { () throws(HSMError) -> Session in try login.openSession() }
        let (items, isComplete) = try notes.timed("look at every object") { () throws(HSMError) -> ([Item], Bool) in
            try self.items(in: session)
        }
        count(items)
        let privateKeys = items.filter { $0.object.kind == .privateKey }
        for item in privateKeys { examine(item, items, in: session) }
        for key in expected ?? [] where key.mustWork {
            guard !privateKeys.contains(where: { $0.object.id == key.reference.id }) else { continue }
            notes.add(
                .fault(
                    "key \(key.reference.label)", "key-missing",
                    "the manifest names it and the token does not "
                        + (isComplete ? "hold it" : "show it; it may be an object that cannot be read"),
                    mend: "use the manifest and the token that belong together, or retire the key by a ceremony"))
        }
        reportDoubles(items)
        if let first = privateKeys.first {
            _ = try? notes.timed("find a key by CKA_ID") { () throws(HSMError) in
                try session.find([.number(.objectClass, CKO_PRIVATE_KEY), .data(.id, first.object.id)], limit: 2)
            }
        }
    }

    /// Every object that can be read, and whether those are all: one that cannot hides no other.
    private func items(in session: borrowing Session) throws(HSMError) -> ([Item], isComplete: Bool) {
        var items: [Item] = []
        var odd: [(handle: CK_OBJECT_HANDLE, error: HSMError)] = []
        for handle in try session.find([], limit: HSM.largestInventory) {
            do throws(HSMError) {
                items.append(Item(handle: handle, object: try session.describe(handle)))
            } catch {
                guard error.isAboutObject else { throw error }
                odd.append((handle, error))
            }
        }
        guard !odd.isEmpty else { return (items, true) }
        // What has ended since it was found is not missed.
        let left = Set(try session.find([], limit: HSM.largestInventory))
        odd.removeAll { $0.error.failureClass == .handle && !left.contains($0.handle) }
        for (handle, error) in odd {
            notes.add(
                .fault(
                    "object \(handle)", "object-unreadable", "\(error)",
                    mend: "look at it with the vendor's tool; ceremonies end where an object cannot be read"))
        }
        return (items, odd.isEmpty)
    }

    private func count(_ items: [Item]) {
        var counts: [TokenObject.Kind: Int] = [:]
        for item in items where item.object.kind != .privateKey { counts[item.object.kind, default: 0] += 1 }
        let others = counts
        notes.change { $0.otherObjects = others }
    }

    private func examine(_ item: Item, _ items: [Item], in session: borrowing Session) {
        let label = item.object.label
        notes.begin("examine key \(label)")
        do throws(HSMError) {
            let key = expected?.first { $0.reference.id == item.object.id }
            let publicItem = items.first { $0.object.kind == .publicKey && $0.object.id == item.object.id }
            var checkup = try KeyCheckup(
                item: item, publicObject: publicItem?.handle, expected: key, profile: profile, in: session)
            checkup.run(login: login, in: session)
            if key == nil, expected != nil {
                checkup.findings.append(
                    .note(
                        "key \(label)", "key-unknown", "no manifest names this key",
                        mend: "find out whose it is; the appliance does not use it"))
            }
            let (report, findings) = (checkup.report, checkup.findings)
            notes.change {
                $0.keys.append(report)
                $0.findings += findings
            }
        } catch {
            notes.add(.failure("key \(label)", error))
        }
    }

    /// Tokens do not keep CKA_ID unique, and the bridge wants exactly one of each.
    private func reportDoubles(_ items: [Item]) {
        var seen: [[UInt8]: Int] = [:]
        for item in items where item.object.kind == .privateKey { seen[item.object.id, default: 0] += 1 }
        for (id, count) in seen.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) where count > 1 {
            let label = items.first { $0.object.id == id }?.object.label ?? ""
            notes.add(
                .fault(
                    "key \(label)", "key-doubled", "\(count) private keys have the same CKA_ID",
                    mend: "remove all but the one the manifest means"))
        }
    }
}

extension HSMError {
    /// What reading one object failed with may be that object's alone; a session, login or device that is gone is not.
    fileprivate var isAboutObject: Bool {
        switch failureClass {
        case .operation, .handle, .ambiguous: true
        default: false
        }
    }
}
