import Foundation

/// A program of this machine, run to its end with bytes on its standard input.
struct Program {
    /// What it printed and how it ended.
    struct Outcome {
        let status: Int32
        let output: [UInt8]
        let errors: String
    }

    /// Runs a program found on the PATH; one that is missing is a failure, never a reason to skip.
    static func run(_ arguments: [String], input: [UInt8] = [], in directory: URL? = nil) throws -> Outcome {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        process.currentDirectoryURL = directory
        let files = try TemporaryDirectory()
        let (source, target, errors) = (files.file("in"), files.file("out"), files.file("err"))
        try Data(input).write(to: source)
        for url in [target, errors] { try Data().write(to: url) }
        process.standardInput = try FileHandle(forReadingFrom: source)
        process.standardOutput = try FileHandle(forWritingTo: target)
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, output: Array(try Data(contentsOf: target)),
            errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self))
    }
}

/// A directory of its own for one test, removed with it.
final class TemporaryDirectory {
    let url: URL

    init() throws {
        url = URL(filePath: NSTemporaryDirectory()).appending(path: "vault-custody-" + UUID().uuidString)
        try FileManager.default.createDirectory(
            at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func file(_ name: String) -> URL { url.appending(path: name) }

    func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> String {
        let url = file(name)
        try Data(Array(bytes)).write(to: url)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: url.path)
        return url.path
    }

    func read(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: file(name))) }
}
