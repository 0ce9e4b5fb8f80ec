import ArgumentParser
import Glibc

/// `free-ports`: TCP ports of the loopback address that nobody listens on now.
struct FreePorts: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "free-ports", abstract: "Print free TCP ports of 127.0.0.1, one a line, all different.")

    @Argument(help: "How many.") var count: Int

    func validate() throws {
        guard (1...64).contains(count) else { throw ValidationError("between 1 and 64 ports") }
    }

    func run() throws {
        // All sockets stay open until the last port is known: the kernel cannot hand out one port twice.
        var sockets: [Int32] = []
        defer { for socket in sockets { close(socket) } }
        for _ in 0..<count {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            guard descriptor >= 0 else { throw ValidationError("no socket is to be had") }
            sockets.append(descriptor)
            print(try Self.bindToFreePort(descriptor))
        }
    }

    private static func bindToFreePort(_ descriptor: Int32) throws -> UInt16 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        // Safety: the pointer to `address` is used inside the closure alone, with the size of what it points to.
        let bound = unsafe withUnsafeMutableBytes(of: &address) { bytes in
            guard let pointer = unsafe bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return false }
            return unsafe bind(descriptor, pointer, size) == 0 && getsockname(descriptor, pointer, &size) == 0
        }
        guard bound else { throw ValidationError("no port is to be had") }
        return UInt16(bigEndian: address.sin_port)
    }
}
