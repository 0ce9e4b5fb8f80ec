internal import Synchronization

/// Keys that made a wrong signature, by the token's serial number and CKA_ID: out of use for as long as whoever keeps this
/// object keeps it, however often their token is closed and opened.
package final class KeyQuarantine: Sendable {
    private struct Entry: Hashable {
        let serial: String
        let id: [UInt8]
    }

    private let entries = Mutex<Set<Entry>>([])

    /// No key.
    package init() {}

    func contains(_ id: [UInt8], serial: String) -> Bool {
        entries.withLock { $0.contains(Entry(serial: serial, id: id)) }
    }

    func insert(_ id: [UInt8], serial: String) {
        entries.withLock { _ = $0.insert(Entry(serial: serial, id: id)) }
    }
}
