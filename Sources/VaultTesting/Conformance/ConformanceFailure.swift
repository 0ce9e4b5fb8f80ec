import HSMBridge

/// Why a check failed, in words.
struct ConformanceFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    /// Turns an error of the bridge into one of the suite.
    static func wrap<Answer>(
        _ body: () async throws(HSMError) -> Answer
    ) async throws(ConformanceFailure) -> Answer {
        do throws(HSMError) {
            return try await body()
        } catch {
            throw ConformanceFailure("\(error). \(error.mend)")
        }
    }
}
