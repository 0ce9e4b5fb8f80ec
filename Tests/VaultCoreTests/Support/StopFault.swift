import AuditLog
import Testing

/// One thing wrong with a revocation or cut-off that the front asks for.
struct StopFault: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let isRevocation: Bool
    let change: @Sendable (inout Entry, _ now: Int64) -> Void

    static let all: [StopFault] = [
        .init("a person's name", true) { entry, _ in entry.operator = "anna" },
        .init("no jti", true) { entry, _ in entry.jti = nil },
        .init("a short jti", true) { entry, _ in entry.jti = "short" },
        .init("no end", true) { entry, _ in entry.until = nil },
        .init("an end two days ahead", true) { entry, now in entry.until = now + 2 * 86_400 },
        .init("an end that has passed", true) { entry, now in entry.until = now - 1 },
        .init("no client", true) { entry, _ in entry.client = nil },
        .init("another bundle", true) { entry, _ in entry.bundle = String(repeating: "00", count: 32) },
        .init("a person's name", false) { entry, _ in entry.operator = "anna" },
        .init("an agent", false) { entry, _ in entry.subjectType = "agent" },
        .init("a target", false) { entry, _ in
            entry.subjectType = "target"
            entry.subject?.iss = nil
        },
        .init("no issuer", false) { entry, _ in entry.subject?.iss = nil },
        .init("no bound on what was issued", false) { entry, _ in entry.iat = nil },
        .init("a bound that is to come", false) { entry, now in entry.iat = now + 3600 },
        .init("no event", false) { entry, _ in entry.jti = nil },
        .init("an unknown type", false) { entry, _ in entry.subjectType = "everybody" },
    ]

    init(_ name: String, _ isRevocation: Bool, _ change: @escaping @Sendable (inout Entry, Int64) -> Void) {
        testDescription = "\(name), in a \(isRevocation ? "revocation" : "cut-off")"
        self.isRevocation = isRevocation
        self.change = change
    }
}
