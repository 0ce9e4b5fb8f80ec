import Synchronization

/// What became of the last attempt to load configuration and certificates anew.
final class ReloadState: Sendable {
    private let refusal = Mutex<String?>(nil)

    /// Why the last reload, or a part of it, was refused, on one line; nil when it was not, or before there was one.
    var problem: String? { refusal.withLock { $0 } }

    /// A reload ended, with these faults.
    func ended(_ faults: [String]) {
        let text = faults.isEmpty ? nil : Self.oneLine(faults.joined(separator: "\n"))
        refusal.withLock { $0 = text }
    }

    /// The same text without line breaks: a record of a log is one line.
    static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).joined(separator: "; ")
    }

    /// Registers whether the last reload was taken.
    func register(in registry: MetricsRegistry) {
        registry.follow(
            .gauge, "vault_config_last_reload_successful",
            "Whether configuration and certificates were taken as they are when they were last loaded."
        ) { [([], self.problem == nil ? 1 : 0)] }
    }
}
