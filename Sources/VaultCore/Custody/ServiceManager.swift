import CVaultSystem
import Custody
import Glibc

/// The service manager as a keeper of descriptors (sd_notify(3), "FDSTORE=1"; sd_listen_fds(3)).
///
/// It hands back, at the next start of this service, what it was given; a stop of the service drops it.
package final class ServiceManager: Sendable {
    /// sd_listen_fds(3), SD_LISTEN_FDS_START.
    private static let firstDescriptor: Int32 = 3

    private let socket: String
    private let kept: [(name: String, descriptor: Int32)]

    /// By the environment that a service manager gives; nil when there is none that keeps descriptors.
    ///
    /// - Parameters:
    ///   - environment: `NOTIFY_SOCKET`, and `LISTEN_PID`, `LISTEN_FDS`, `LISTEN_FDNAMES` when it kept something.
    ///   - process: This process's number: descriptors that are meant for another one are left alone.
    package init?(environment: [String: String], process: Int32 = getpid()) {
        guard let socket = environment["NOTIFY_SOCKET"], socket.hasPrefix("/") || socket.hasPrefix("@") else {
            return nil
        }
        self.socket = socket
        guard environment["LISTEN_PID"].flatMap({ Int32($0) }) == process,
            let count = environment["LISTEN_FDS"].flatMap({ Int32($0) }), (1...1024).contains(count)
        else {
            kept = []
            return
        }
        let names = (environment["LISTEN_FDNAMES"] ?? "").split(separator: ":", omittingEmptySubsequences: false)
        kept = (0..<count).map { index in
            (names.indices.contains(Int(index)) ? String(names[Int(index)]) : "", Self.firstDescriptor + index)
        }
    }

    /// A manager at a socket, and what it kept.
    init(socket: String, kept: [(name: String, descriptor: Int32)]) {
        self.socket = socket
        self.kept = kept
    }

    /// What was kept under names that begin so; each may be taken once, and is gone from the manager when it is removed.
    func descriptors(named prefix: String) -> [(name: String, descriptor: Int32)] {
        kept.filter { $0.name.hasPrefix(prefix) }
    }

    /// Gives the manager a descriptor to keep.
    func keep(_ file: borrowing SealedMemoryFile, name: String) throws(CustodyError) {
        // A file in memory cannot be polled, which systemd would try.
        try send("FDSTORE=1\nFDNAME=\(name)\nFDPOLL=0", file.descriptor)
    }

    /// Has the manager forget what it keeps under a name.
    func remove(name: String) throws(CustodyError) { try send("FDSTOREREMOVE=1\nFDNAME=\(name)", -1) }

    private func send(_ message: String, _ descriptor: Int32) throws(CustodyError) {
        // Safety: the strings live through the call.
        guard unsafe csystem_send_datagram(socket, message, descriptor) == 0 else {
            throw CustodyError(.systemRefused, "the service manager does not take it (errno \(errno))")
        }
    }
}
