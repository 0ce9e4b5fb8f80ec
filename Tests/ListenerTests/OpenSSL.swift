import Foundation

/// The openssl command, an implementation of TLS that is not ours.
enum OpenSSL {
    /// Runs it and returns what it printed, on either stream; `input` is its standard input.
    ///
    /// It waits on a thread of its own: the server under test needs the threads that Swift's tasks share.
    static func run(_ arguments: [String], input: String = "") async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try wait(arguments, input) }) }
        }
    }

    /// Connects as a client, sends a request and waits for the server to close.
    static func connect(port: Int, _ options: [String] = []) async throws -> String {
        try await run(
            ["s_client", "-connect", "127.0.0.1:\(port)", "-servername", "vault.test", "-ign_eof"] + options,
            input: "GET / HTTP/1.1\r\nHost: vault.test\r\nConnection: close\r\n\r\n")
    }

    private static func wait(_ arguments: [String], _ input: String) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments
        let (stdin, stdout) = (Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        process.standardError = stdout
        try process.run()
        try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try stdin.fileHandleForWriting.close()
        let output = stdout.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: output, as: UTF8.self)
    }
}
