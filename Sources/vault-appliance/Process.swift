import CVaultSystem
import Foundation
import Glibc
import Logging
import Minting
import StrictEncoding

/// The system's clock; everything else is handed the time.
@Sendable func systemClock() -> UnixTime {
    UnixTime(milliseconds: Int64((Date().timeIntervalSince1970 * 1000).rounded(.down)))
}

/// Random bytes of the kernel's generator.
@Sendable func randomBytes(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
}

/// Random bytes as lower-case hexadecimal.
func randomHexadecimal(_ count: Int) -> String {
    randomBytes(count).map { (($0 < 16 ? "0" : "") + String($0, radix: 16)) }.joined()
}

/// A fresh `jti`.
@Sendable func randomJWTID() -> String {
    var generator = SystemRandomNumberGenerator()
    return JWTID.random(using: &generator)
}

/// Keeps what the process holds out of core dumps and out of other processes' reach (prctl(2), PR_SET_DUMPABLE).
enum ProcessHygiene {
    /// A process that cannot be kept closed does not start.
    static func apply() throws {
        guard csystem_harden_process() == 0 else {
            throw CommandFailure("core dumps cannot be switched off (errno \(errno)); the process does not start")
        }
    }
}

/// Logging of the two daemons: lines to standard error, level info, never a value from a token.
enum Log {
    static func bootstrap(_ process: String) -> Logger {
        LoggingSystem.bootstrap { Quoting(handler: StreamLogHandler.standardError(label: $0)) }
        return Logger(label: "vault.\(process)")
    }

    /// Puts values with spaces between quotation marks, and keeps a record on its line, so that a program can read it.
    private struct Quoting: LogHandler {
        var handler: StreamLogHandler

        var metadata: Logger.Metadata {
            get { handler.metadata }
            set { handler.metadata = newValue }
        }

        var logLevel: Logger.Level {
            get { handler.logLevel }
            set { handler.logLevel = newValue }
        }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { handler[metadataKey: key] }
            set { handler[metadataKey: key] = newValue }
        }

        func log(event: LogEvent) {
            var event = event
            event.metadata = event.metadata?.mapValues { .string(Self.quoted("\($0)")) }
            handler.log(event: event)
        }

        private static func quoted(_ text: String) -> String {
            let isPlain = !text.isEmpty && text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0 != "\"" && $0 != "=" }
            guard !isPlain else { return text }
            var quoted = "\""
            for scalar in text.unicodeScalars {
                switch scalar {
                case "\"", "\\": quoted += "\\\(scalar)"
                case "\n": quoted += "\\n"
                case "\r": quoted += "\\r"
                default: quoted.unicodeScalars.append(scalar)
                }
            }
            return quoted + "\""
        }
    }
}
