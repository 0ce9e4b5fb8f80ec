import Foundation

/// A client that sends and never reads.
final class DeafClient {
    private let descriptor: Int32

    /// Connects without ever blocking.
    init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        guard UnixAddress(path).connect(descriptor) == 0 else { throw POSIXError(.ECONNREFUSED) }
    }

    deinit { close(descriptor) }

    /// Sends the bytes again and again until `most` are sent, or the other end has taken none for a second.
    func send(_ bytes: [UInt8], atMost most: Int) async throws -> Int {
        // Whole copies, so that a short write can be made good from the same place.
        let stream = [UInt8]((0..<4096).flatMap { _ in bytes })
        var sent = 0
        var pauses = 0
        while sent < most, pauses < 100 {
            let offset = sent % bytes.count
            let rest = stream[offset...]
            // Safety: the pointer covers the slice's own bytes and is used within the call.
            let count = unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                sent += count
                pauses = 0
            } else {
                guard errno == EAGAIN else { throw POSIXError(.EPIPE) }
                pauses += 1
                try await Task.sleep(for: .milliseconds(10))
            }
        }
        return sent
    }
}

/// The address of a Unix socket as the system calls take it.
struct UnixAddress {
    private var address = sockaddr_un()

    /// A path of at most 107 bytes.
    init(_ path: String) {
        address.sun_family = sa_family_t(AF_UNIX)
        // Safety: copies into the structure's own room, and leaves a zero at its end.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { room in
            unsafe room.dropLast().copyBytes(from: path.utf8)
        }
    }

    /// bind(2).
    func bind(_ descriptor: Int32) -> Int32 {
        // Safety: the address is lent for the length of the call.
        unsafe call { unsafe Glibc.bind(descriptor, $0, $1) }
    }

    /// connect(2).
    func connect(_ descriptor: Int32) -> Int32 {
        // Safety: as above.
        unsafe call { unsafe Glibc.connect(descriptor, $0, $1) }
    }

    private func call(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        // Safety: the pointer is used within the call alone, with the structure's own size.
        unsafe withUnsafePointer(to: address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
