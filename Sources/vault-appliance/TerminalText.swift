import Foundation
import Glibc

/// Text for a person's terminal: broken between words where the terminal ends, so that nothing has to be read in two halves.
extension Terminal {
    /// Columns and rows of the terminal on standard output; nil where it is none.
    static var size: (columns: Int, rows: Int)? {
        var size = winsize()
        // Safety: a local that outlives the call.
        guard isatty(STDOUT_FILENO) == 1, unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0,
            size.ws_col > 0, size.ws_row > 0
        else { return nil }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// A line on standard output, at once: whoever watches through a pipe, as over SSH, sees it when it is said.
    ///
    /// In a terminal it is broken between words, and goes on `hanging` columns in.
    static func say(_ text: String, hanging: Int = 13) {
        Swift.print(lines(text, hanging: hanging).joined(separator: "\n"))
        fflush(nil)
    }

    /// A command to be typed: broken as a shell takes it.
    static func command(_ text: String) {
        Swift.print(lines(text, hanging: 6, ending: " \\").joined(separator: "\n"))
        fflush(nil)
    }

    /// The lines of `text` in this terminal.
    static func lines(_ text: String, hanging: Int, ending: String = "") -> [String] {
        guard let columns = size?.columns else { return [text] }
        return wrap(text, columns: columns, hanging: hanging, ending: ending)
    }

    /// The same for any width; a word that is too long for a line stays whole.
    static func wrap(_ text: String, columns: Int, hanging: Int, ending: String = "") -> [String] {
        let indent = text.prefix { $0 == " " }
        var lines: [String] = []
        var line = String(indent)
        var isFresh = true
        for word in text.dropFirst(indent.count).split(separator: " ", omittingEmptySubsequences: false) {
            if !isFresh, line.count + 1 + word.count > columns - ending.count {
                lines.append(line + ending)
                line = String(repeating: " ", count: hanging)
                isFresh = true
            }
            line += (isFresh ? "" : " ") + word
            isFresh = false
        }
        return lines + [line]
    }

    /// Everything that a person has to read, a screen at a time.
    static func page(_ text: [String], hanging: Int = 13) {
        let lines = text.flatMap { self.lines($0, hanging: hanging) }
        guard let rows = size?.rows, isatty(STDIN_FILENO) == 1, lines.count > rows - 2 else {
            lines.forEach { Swift.print($0) }
            return
        }
        let height = max(1, rows - 1)
        for start in stride(from: 0, to: lines.count, by: height) {
            let end = min(lines.count, start + height)
            lines[start..<end].forEach { Swift.print($0) }
            guard end < lines.count else { break }
            Swift.print("-- line \(end) of \(lines.count): press Enter to read on --", terminator: "")
            fflush(nil)
            _ = readLine()
        }
    }
}
