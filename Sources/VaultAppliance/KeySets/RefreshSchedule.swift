/// When a key set is fetched: how long an attempt may take, and the pauses between them.
struct RefreshSchedule: Sendable {
    /// The pause after a success.
    let refresh: Duration
    /// The shortest time between an attempt and one for the sake of a missed key.
    var interval = Duration.seconds(30)
    /// How long one attempt may take, from the connection to the last byte.
    var patience = Duration.seconds(5)
    /// The pause after a first failure; it doubles with each further one, up to `refresh`.
    var backoff = Duration.seconds(1)

    /// The pause after so many failures in a row; `jitter` from 0 to 1 shortens it by up to a fifth, so that many fronts
    /// do not ask at one moment.
    func pause(afterFailures failures: Int, jitter: Double) -> Duration {
        var pause = refresh
        if failures > 0 { pause = min(refresh, backoff * (1 << min(failures - 1, 16))) }
        return pause * (1 - 0.2 * jitter)
    }
}
