import Custody
import HSMBridge
import StrictEncoding

extension CoreCeremony {
    /// Secrets are sealed to a key for as long as it is in force: it may be put out of use at once, but it ends only when
    /// another one of its token has taken its place and nothing needs it any more.
    func judgeKeyEncryption(_ plan: KeyStatePlan, _ after: [ManifestKey]) throws {
        let before = core.inForce.current.effective.keys
        for change in plan.changes {
            guard let key = before.first(where: { $0.kid == change.kid }), key.purpose == .kek else { continue }
            let others = after.filter {
                $0.purpose == .kek && $0.token == key.token && $0.state == .active && $0.kid != key.kid
            }
            switch change.state {
            case .quarantined: break
            case .active where others.isEmpty: break
            case .active:
                throw CustodyError(
                    .wrongState,
                    "the token \(key.token) has an active key encryption key: quarantine it in the same plan")
            case .retired where key.state != .active && !others.isEmpty: break
            case .destroyed where key.state != .active && !others.isEmpty: try checkOpens(without: key, after)
            default:
                throw CustodyError(
                    .unsupported,
                    "the key \(key.label) opens sealed secrets: it ends with its token, by remove-token, or when it was "
                        + "quarantined and generate has made another one")
            }
        }
    }

    /// No sealed secret may be lost with a key.
    private func checkOpens(without key: ManifestKey, _ after: [ManifestKey]) throws {
        let opening = Set(after.filter { $0.purpose == .kek && $0.state == .active }.map(\.kid))
        let lost = try envelopes().filter { Set($0.keys.map(\.kid)).isDisjoint(with: opening) }
        guard lost.isEmpty else {
            throw CustodyError(
                .wrongState,
                "no other key opens \(lost.map(\.name).joined(separator: ", ")): seal them anew first, or remove them")
        }
    }

    /// A new key encryption key comes where the one before is out of use, or where there was none.
    func checkKeyEncryption(_ plan: GeneratePlan, _ tokens: [String]) throws {
        let snapshot = core.inForce.current
        // Once the ceremony's own manifest is in force there is nothing left to judge.
        guard plan.keys.contains(where: { $0.purpose == .kek }), snapshot.hash == base.hash else { return }
        for serial in tokens
        where snapshot.effective.keys.contains(where: {
            $0.purpose == .kek && $0.token == serial && $0.state == .active
        }) {
            throw CustodyError(
                .wrongState,
                "keys: the token \(serial) has an active key encryption key; quarantine it first, and custodians replace it"
            )
        }
    }
}

extension Manifest {
    /// Has each token name the key that secrets are sealed to: the active one.
    mutating func nameKeyEncryptionKeys() {
        for index in tokens.indices {
            let serial = tokens[index].serial
            guard let key = keys.first(where: { $0.purpose == .kek && $0.token == serial && $0.state == .active })
            else {
                continue
            }
            tokens[index].keyEncryptionKey = key.jwk
        }
    }
}
