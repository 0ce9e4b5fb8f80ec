import CVaultSystem
import Custody
import Glibc
import HSMBridge

/// A program started with one socket as its standard input and output, and nothing else of ours but standard error.
///
/// A child that was forked would inherit the login of this process (SoftHSM) and its locks.
struct ChildProcess: ~Copyable {
    private let process: pid_t
    private let socket: CInt

    init(_ executable: String, _ argument: String) throws(HSMError) {
        var ends: [CInt] = [-1, -1]
        // Safety: room for the two descriptors.
        guard unsafe socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw ChildProcess.refusal("no sockets (errno \(errno))")
        }
        defer { close(ends[1]) }
        var process: pid_t = 0
        // Safety: the strings live through the call; the process is a local.
        let status = unsafe csystem_spawn(executable, argument, ends[1], &process)
        guard status == 0 else {
            close(ends[0])
            throw ChildProcess.refusal("\(executable) cannot be started (errno \(status))")
        }
        self.process = process
        socket = ends[0]
    }

    /// Sends a request and its secrets, and waits for all that the child answers before it ends.
    consuming func exchange(
        _ request: [UInt8], secrets: [LockedBytes], within limit: Duration
    ) throws(HSMError) -> [UInt8] {
        let pipe = SecretPipe(socket)
        // A child that is gone already shows when its answer is missing.
        _ = pipe.writeFrame(request) && secrets.allSatisfy { pipe.writeSecret($0) }
        shutdown(socket, CInt(SHUT_WR))
        let answer = readAll(until: .now + limit)
        close(socket)
        if answer == nil { kill(process, SIGKILL) }
        var status: CInt = 0
        // Safety: a local that outlives the call.
        while unsafe waitpid(process, &status, 0) < 0 && errno == EINTR {}
        guard let answer else {
            throw ChildProcess.refusal("the process that works with the token did not end in time")
        }
        guard status & 0x7f == 0 else {
            throw ChildProcess.refusal("the process that works with the token was ended by signal \(status & 0x7f)")
        }
        return answer
    }

    private func readAll(until end: ContinuousClock.Instant) -> [UInt8]? {
        var answer: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 65_536)
        while answer.count < 1 << 24 {
            let left = (end - .now) / Duration.milliseconds(1)
            var waiting = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            // Safety: a local that outlives the call.
            let ready = unsafe poll(&waiting, 1, CInt(max(0, left)))
            if ready < 0 && errno == EINTR { continue }
            guard ready > 0 else { return nil }
            // Safety: the array's own storage, with its own length.
            let count = unsafe room.withUnsafeMutableBytes { unsafe read(socket, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { return answer }
            answer += room[..<count]
        }
        return nil
    }

    private static func refusal(_ reason: String) -> HSMError {
        HSMError(.systemRefused, function: nil, returnValue: nil, context: reason)
    }
}
