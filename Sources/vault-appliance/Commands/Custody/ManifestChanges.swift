import Custody
import StrictEncoding

/// A manifest in words, and what it changes.
struct ManifestChanges {
    private let before: Manifest
    private let after: Manifest

    /// What changes from one manifest to the next.
    init(from before: Manifest, to after: Manifest) {
        self.before = before
        self.after = after
    }

    /// One line for everything that a manifest decides.
    static func describe(_ manifest: Manifest) -> [String] {
        let dials = manifest.dials
        return [
            "created      \(manifest.created.rfc3339)",
            "previous     \(manifest.previous ?? "none: it is the first")",
            "quorum       any \(manifest.threshold) of these custodians:",
        ] + people("custodian", manifest.custodians) + people("approver", manifest.approvers) + [
            "epoch        \(manifest.activation?.epoch ?? 0)",
            "host key     \(fingerprint(manifest.hostKey))",
            "dials        config_approvals \(dials.configApprovals), unattended_start \(dials.unattendedStart), "
                + "restart_grace \(dials.restartGrace) s, file_tls_keys \(dials.fileTLSKeys)",
        ] + manifest.tokens.map { "token        \($0.label) (serial \($0.serial))" }
            + manifest.keys.map { "key          \(line($0))" }
    }

    /// What is not as it was, each in a line.
    var lines: [String] {
        var lines: [String] = []
        for key in after.keys {
            let old = before.keys.first { $0.kid == key.kid }
            if old == nil { lines.append("  new key        \(Self.line(key))") }
            if let old, old.state != key.state {
                lines.append(
                    "  key state      \(key.label) (\(key.kid)): \(old.state.rawValue) -> \(key.state.rawValue)")
            }
            if let old, old.gate != key.gate { lines.append("  key profile    \(key.label) (\(key.kid)) changes") }
        }
        for key in before.keys where !after.keys.contains(where: { $0.kid == key.kid }) {
            lines.append("  key gone       \(Self.line(key))")
        }
        for token in after.tokens where !before.tokens.contains(where: { $0.serial == token.serial }) {
            lines.append("  new token      \(token.label) (serial \(token.serial))")
        }
        for token in before.tokens where !after.tokens.contains(where: { $0.serial == token.serial }) {
            lines.append("  token gone     \(token.label) (serial \(token.serial))")
        }
        lines += Self.people("custodian", before.custodians, after.custodians)
        lines += Self.people("approver", before.approvers, after.approvers)
        if before.threshold != after.threshold {
            lines.append("  quorum         \(before.threshold) -> \(after.threshold)")
        }
        if before.activation != after.activation {
            lines.append(
                "  epoch          \(before.activation?.epoch ?? 0) -> \(after.activation?.epoch ?? 0): new shares")
        }
        if before.hostKey != after.hostKey {
            lines.append("  new host key   \(Self.fingerprint(after.hostKey))")
            lines.append("  host key gone  \(Self.fingerprint(before.hostKey))")
        }
        lines += Self.changes(of: before.dials, after.dials)
        return ["WHAT CHANGES since manifest \(before.version):"] + (lines.isEmpty ? ["  nothing"] : lines)
    }

    /// Each dial that is turned, by the name that it has in a plan.
    private static func changes(of before: Manifest.Dials, _ after: Manifest.Dials) -> [String] {
        [
            ("config_approvals", "\(before.configApprovals)", "\(after.configApprovals)"),
            ("unattended_start", "\(before.unattendedStart)", "\(after.unattendedStart)"),
            ("restart_grace", "\(before.restartGrace)s", "\(after.restartGrace)s"),
            ("file_tls_keys", "\(before.fileTLSKeys)", "\(after.fileTLSKeys)"),
        ].filter { $0.1 != $0.2 }.map { "  dial           \($0.0): \($0.1) -> \($0.2)" }
    }

    private static func people(
        _ role: String, _ before: [Manifest.Person], _ after: [Manifest.Person]
    ) -> [String] {
        after.filter { !before.contains($0) }.map { "  new \(role)  \($0.name), key \(fingerprint($0))" }
            + before.filter { !after.contains($0) }.map { "  \(role) gone  \($0.name), key \(fingerprint($0))" }
    }

    /// A line for each person.
    private static func people(_ role: String, _ people: [Manifest.Person]) -> [String] {
        let role = role + String(repeating: " ", count: 13 - role.count)
        return people.isEmpty ? ["\(role)none"] : people.map { "\(role)\($0.name)  \(fingerprint($0))" }
    }

    private static func fingerprint(_ person: Manifest.Person) -> String { fingerprint(person.sshKey) }

    private static func fingerprint(_ line: String?) -> String {
        guard let line else { return "none" }
        return (try? SSHPublicKey(line: line).fingerprint) ?? "unreadable"
    }

    private static func line(_ key: ManifestKey) -> String {
        "\(key.label)  \(key.algorithm)  \(key.purpose.rawValue)  \(key.state.rawValue)  \(key.provenance.rawValue)  "
            + "token \(key.token)  kid \(key.kid)"
    }
}
