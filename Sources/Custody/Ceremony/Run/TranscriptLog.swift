import StrictEncoding

/// A transcript that is written, and the audit log that hears of each of its lines.
struct TranscriptLog {
    private let ceremony: Ceremony
    private var writer: TranscriptWriter
    private let mark: String
    private let record: @Sendable (TranscriptLine) async throws -> Void

    init(_ ceremony: Ceremony, _ surroundings: CeremonyRunner.Surroundings) throws(CustodyError) {
        self.ceremony = ceremony
        writer = try TranscriptWriter(ceremony.directory, plan: ceremony.plan, clock: surroundings.clock)
        mark = ceremony.directory.file("recorded")
        record = surroundings.record
    }

    var transcript: Transcript { writer.transcript }

    mutating func write(
        _ event: TranscriptLine.Event, step: String? = nil, data: JSONObject = JSONObject()
    ) async throws(CustodyError) {
        let line = try writer.write(event, step: step, data)
        try await tell(line)
        try offerHead()
    }

    /// Tells the audit log of lines that the process died before telling it.
    mutating func catchUp() async throws(CustodyError) {
        let told =
            (try? PrivateFile.readPublic(mark, limit: 32)).flatMap { Int64(String(decoding: $0, as: UTF8.self)) } ?? 0
        for line in transcript.lines where line.sequence > told { try await tell(line) }
        try offerHead()
    }

    private func tell(_ line: TranscriptLine) async throws(CustodyError) {
        do {
            try await record(line)
        } catch {
            throw CustodyError(
                .stepFailed, "the transcript's line \(line.sequence) cannot be recorded in the audit log: \(error)")
        }
        try PrivateFile.replace(mark, Array("\(line.sequence)".utf8), mode: 0o600)
    }

    /// Once the ceremony has ended: the file that custodians and witnesses sign.
    private func offerHead() throws(CustodyError) {
        guard let head = TranscriptHead(plan: ceremony.plan, transcript: transcript),
            !ceremony.directory.exists(ceremony.directory.head)
        else { return }
        try PrivateFile.create(ceremony.directory.head, head.bytes)
        try PrivateFile.syncDirectory(ceremony.directory.path)
    }

    /// A reason as one line that may stand in a transcript.
    static func line(_ text: String) -> String {
        let cleaned = String(
            text.unicodeScalars.map { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) ? " " : Character($0) })
        return String(decoding: cleaned.utf8.prefix(500), as: UTF8.self)
    }
}
