internal import CVaultSystem
internal import Glibc

extension PIN {
    /// Asks for the PIN on the process's terminal, without echo, straight into locked memory.
    ///
    /// `pinFileRefused` when there is no terminal, or the line is empty, too long, or interrupted.
    package convenience init(promptingAtTerminal prompt: String) throws(HSMError) {
        // Safety: the string lives through the call.
        let terminal = unsafe open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard terminal >= 0 else { throw HSMError(.pinFileRefused, context: "there is no terminal to ask at") }
        defer { close(terminal) }
        let quiet = try QuietTerminal(terminal)
        defer { quiet.restore() }
        quiet.write("\(prompt): ")
        defer { quiet.write("\n") }
        // Safety: the room is the new PIN's own memory, and nothing is read beyond its end.
        try unsafe self.init(capacity: PIN.longest + 2) { room in
            // Safety: reads at most into the room.
            let count = unsafe read(terminal, room.baseAddress, room.count)
            // In line mode a read ends with the line; signals are off, so Ctrl-C arrives as a character and means no.
            // Safety: `count` bytes were read.
            guard count > 0, unsafe room[count - 1] == UInt8(ascii: "\n"), unsafe !room[..<count].contains(3) else {
                return nil
            }
            return count - 1
        }
    }
}

/// A terminal that neither echoes nor turns keys into signals, until it is restored.
private struct QuietTerminal {
    private let descriptor: CInt
    private let before: termios

    init(_ descriptor: CInt) throws(HSMError) {
        var settings = termios()
        // Safety: a local that outlives the call.
        guard unsafe tcgetattr(descriptor, &settings) == 0 else {
            throw HSMError(.pinFileRefused, context: "there is no terminal to ask at")
        }
        self.descriptor = descriptor
        before = settings
        settings.c_lflag &= ~tcflag_t(ECHO | ISIG)
        settings.c_lflag |= tcflag_t(ICANON)
        // Safety: as above. What was typed before the question is thrown away.
        guard unsafe tcsetattr(descriptor, TCSAFLUSH, &settings) == 0 else {
            throw HSMError(.pinFileRefused, context: "the terminal's echo cannot be switched off")
        }
    }

    func restore() {
        var settings = before
        // Safety: a local that outlives the call.
        _ = unsafe tcsetattr(descriptor, TCSAFLUSH, &settings)
    }

    func write(_ text: String) {
        let bytes = Array(text.utf8)
        // Safety: the array lives through the call.
        _ = unsafe Glibc.write(descriptor, bytes, bytes.count)
    }
}
