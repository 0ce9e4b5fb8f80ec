internal import Glibc
import StrictEncoding

/// Appends lines to a ceremony's transcript; each is on the disk before the call returns.
struct TranscriptWriter {
    private(set) var transcript: Transcript
    private let path: String
    private let clock: @Sendable () -> UnixTime

    /// Goes on where the transcript ends; a line that the last process died over is cut off.
    init(
        _ directory: CeremonyDirectory, plan: CeremonyPlan, clock: @escaping @Sendable () -> UnixTime
    ) throws(CustodyError) {
        path = directory.transcript
        self.clock = clock
        transcript = try directory.loadTranscript(plan: plan)
        if transcript.tornBytes > 0 {
            let whole = transcript.lines.reduce(0) { $0 + $1.bytes.count + 1 }
            // Safety: the string lives through the call.
            guard unsafe truncate(path, off_t(whole)) == 0 else {
                throw CustodyError(.fileRefused, "\(path): its torn end cannot be cut off (errno \(errno))")
            }
        }
    }

    /// Writes the next line durably.
    ///
    /// Its time is never before that of the line before it.
    mutating func write(
        _ event: TranscriptLine.Event, step: String? = nil, _ data: JSONObject = JSONObject()
    ) throws(CustodyError) -> TranscriptLine {
        let line = TranscriptLine(
            sequence: Int64(transcript.lines.count + 1), previous: transcript.head,
            time: max(clock(), transcript.lines.last?.time ?? UnixTime(seconds: 0)), event: event, step: step,
            data: data)
        try PrivateFile.append(path, line.bytes + [0x0A])
        transcript.append(line)
        return line
    }
}
