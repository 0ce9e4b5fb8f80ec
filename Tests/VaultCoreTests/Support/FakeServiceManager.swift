import Custody
import Foundation
import Glibc
import Synchronization

@testable import VaultCore

/// A service manager that keeps descriptors as systemd does: it speaks sd_notify(3) over a real socket, receives
/// descriptors by SCM_RIGHTS, and hands copies of them to the next start by number.
final class FakeServiceManager: Sendable {
    private let socket: Int32
    private let path: String
    private let kept = Mutex<[String: Int32]>([:])

    init() throws {
        path = NSTemporaryDirectory() + "vault-notify-\(UUID().uuidString.prefix(8))"
        socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        guard UnixAddress(path).bind(socket) == 0 else { throw POSIXError(.EADDRINUSE) }
        let thread = Thread { [self] in while receive() {} }
        thread.start()
    }

    deinit {
        // Safety: the string lives through the call.
        unsafe unlink(path)
    }

    /// How many descriptors are kept.
    var count: Int { kept.withLock { $0.count } }

    /// Waits until as many are kept as a condition wants.
    func until(_ condition: (Int) -> Bool) async throws {
        while !condition(count) { try await Task.sleep(for: .milliseconds(20)) }
    }

    /// Keeps a file, as if a core had given it.
    func hold(_ file: borrowing SealedMemoryFile) throws {
        let copy = dup(file.descriptor)
        kept.withLock { $0["vault-pins-a"] = copy }
    }

    /// Keeps a file that anybody could have changed.
    func holdUnsealed(_ bytes: [UInt8]) throws {
        let name = NSTemporaryDirectory() + "vault-unsealed-\(UUID().uuidString)"
        try Data(bytes).write(to: URL(filePath: name))
        // Safety: the string lives through both calls.
        let descriptor = unsafe open(name, O_RDWR)
        // Safety: as above.
        unsafe unlink(name)
        kept.withLock { $0["vault-pins-a"] = descriptor }
    }

    /// What a start of the service gets: copies of what is kept.
    ///
    /// A test's process uses the descriptors from 3 on for other things, so it is told the numbers as they are.
    func manager() -> ServiceManager? {
        let copies = kept.withLock { $0.sorted { $0.key < $1.key }.map { ($0.key, dup($0.value)) } }
        return ServiceManager(socket: path, kept: copies.map { (name: $0.0, descriptor: $0.1) })
    }

    private func receive() -> Bool {
        var text = [UInt8](repeating: 0, count: 4096)
        var control = [UInt8](repeating: 0, count: 64)
        let (count, descriptor): (Int, Int32?) = unsafe text.withUnsafeMutableBytes { text in
            unsafe control.withUnsafeMutableBytes { control in
                var part = unsafe iovec(iov_base: text.baseAddress, iov_len: text.count)
                return unsafe withUnsafeMutablePointer(to: &part) { part in
                    var message = unsafe msghdr()
                    unsafe message.msg_iov = part
                    unsafe message.msg_iovlen = 1
                    unsafe message.msg_control = control.baseAddress
                    unsafe message.msg_controllen = control.count
                    let count = unsafe recvmsg(socket, &message, 0)
                    // struct cmsghdr is 16 bytes, then the one descriptor (unix(7)).
                    let hasOne = unsafe message.msg_controllen >= 20
                    return (count, hasOne ? unsafe control.loadUnaligned(fromByteOffset: 16, as: Int32.self) : nil)
                }
            }
        }
        guard count > 0 else { return false }
        take(String(decoding: text[..<count], as: UTF8.self), descriptor)
        return true
    }

    private func take(_ text: String, _ descriptor: Int32?) {
        let fields = Dictionary(
            text.split(separator: "\n").compactMap { line -> (String, String)? in
                let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
                return parts.count == 2 ? (parts[0], parts[1]) : nil
            }, uniquingKeysWith: { first, _ in first })
        guard let name = fields["FDNAME"] else { return }
        kept.withLock { kept in
            if fields["FDSTOREREMOVE"] == "1", let old = kept.removeValue(forKey: name) { close(old) }
            if fields["FDSTORE"] == "1", let descriptor { kept[name] = descriptor }
        }
    }
}
