import Foundation
import StrictEncoding

/// What commands tell people besides their output.
enum Terminal {
    /// A line on standard error.
    static func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

    /// A line that replaces itself, for work that takes longer than a second.
    static func progress(_ text: String) {
        guard isatty(FileHandle.standardError.fileDescriptor) == 1 else { return }
        FileHandle.standardError.write(Data("\r\(text)".utf8))
    }

    /// One JSON document on standard output, at once: a program that reads them from a pipe waits for each.
    static func print(json: JSONValue) {
        Swift.print(String(decoding: JSONWriter.canonical(json), as: UTF8.self))
        fflush(nil)
    }
}
