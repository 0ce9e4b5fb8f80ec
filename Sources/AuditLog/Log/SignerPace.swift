/// How long a checkpoint's signature takes when nothing holds it up.
///
/// A signature that met a hang, a lost session or a queue says nothing of how fast the signer is. Taken for its speed, one
/// of five seconds would leave the log without a checkpoint for minutes; so the least of the last few counts.
struct SignerPace {
    /// With fewer than this many the signer is taken for a quick one.
    static let window = 5

    private var latest: [Duration] = []

    /// The least of the last five; zero before there are five.
    var latency: Duration { latest.count < SignerPace.window ? .zero : latest.min() ?? .zero }

    mutating func record(_ latency: Duration) {
        latest = latest.suffix(SignerPace.window - 1) + [latency]
    }
}
