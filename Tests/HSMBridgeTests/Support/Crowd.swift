@testable import HSMBridge

/// A crowd of clients in front of a slow token: each asks without pause, and comes back when it is told to, or polls.
///
/// Handshakes and checkpoints come beside them. Nothing here takes real time.
struct Crowd {
    struct Setting: CustomStringConvertible, Sendable {
        var lanes = 1
        var clients = 48
        /// How long a signature takes, and by how much that varies either way.
        var takes: Int64 = 75
        var varies: Int64 = 0
        /// Handshakes a second; many more than their share has room for are still no reason to break a promise.
        var handshakes = 0.0
        /// Share of the clients that comes back when it is told to; the others poll every 100 ms.
        var obeys = true
        var seed: UInt64 = 1

        var description: String {
            "\(clients) clients, \(lanes) lanes of \(takes)+-\(varies) ms, \(handshakes) handshakes/s, "
                + (obeys ? "obeying" : "polling")
        }
    }

    struct Tally {
        var served = 0
        /// Let in and not served in time.
        var missed = 0
        /// Came back when it was told to, and was let in, or turned away again.
        var kept = 0
        var broken = 0
        var others = 0
    }

    static let cases: [Setting] = [
        Setting(), Setting(obeys: false), Setting(varies: 15, seed: 2),
        Setting(lanes: 2, clients: 96, varies: 10, seed: 3),
        Setting(lanes: 4, clients: 300, takes: 40, varies: 8, seed: 4),
        Setting(clients: 200, takes: 20, varies: 2, seed: 5),
        Setting(handshakes: 1, seed: 6), Setting(handshakes: 40, seed: 7),
        Setting(lanes: 2, clients: 150, varies: 5, handshakes: 60, seed: 8), Setting(clients: 22, seed: 9),
    ]

    private struct Client {
        /// When it asks next; nil while it waits for an answer.
        var asks: Int64? = 0
        var isPromised = false
    }

    static let ms: Int64 = 1_000_000
    private static let handshake = -1
    private static let checkpoint = -2

    let setting: Setting
    private(set) var tally = Tally()
    private var scheduler = LaneScheduler<Int>(limits: .init())
    private var random: SplitMix
    private var clients: [Client]
    private var ends: [Int: (time: Int64, work: Int)] = [:]
    private var now: Int64 = 0
    private var busyTime: Int64 = 0
    private var warm = false

    /// The part of the lanes' time in which they worked.
    var utilisation: Double { Double(busyTime) / Double(now * Int64(setting.lanes)) }

    init(_ setting: Setting) {
        self.setting = setting
        random = SplitMix(state: setting.seed)
        clients = (0..<setting.clients).map { _ in Client() }
        // The token is known by the time the crowd comes.
        for _ in 0..<20 {
            let sample = duration()
            for kind in 0...1 { scheduler.estimates[kind].add(sample) }
        }
        for index in clients.indices { clients[index].asks = within(1_000) }
        for _ in 0..<setting.lanes { ask(scheduler.addLane(now: 0)) }
    }

    mutating func run(seconds: Int64) {
        let end = seconds * 1_000 * Self.ms
        var (tick, checkpoint) = (25 * Self.ms, 3_000 * Self.ms)
        var handshake = setting.handshakes > 0 ? Self.ms : Int64.max
        while now < end {
            let client = clients.indices.min { (clients[$0].asks ?? .max) < (clients[$1].asks ?? .max) } ?? 0
            let lane = ends.min { ($0.value.time, $0.key) < ($1.value.time, $1.key) }
            now = min(clients[client].asks ?? .max, lane?.value.time ?? .max, tick, checkpoint, handshake)
            if let lane, lane.value.time == now {
                finish(lane.key, lane.value.work)
            } else if tick == now {
                tick += 25 * Self.ms
                for work in scheduler.expire(now: now) + scheduler.shed(now: now).map(\.work) { miss(work) }
            } else if checkpoint == now {
                checkpoint += 3_000 * Self.ms
                _ = scheduler.admit(entry(Self.checkpoint, KeyPurpose.checkpoint.workClass, patience: 5_000), now: now)
            } else if handshake == now {
                handshake += Int64(1e9 / setting.handshakes * (0.5 + Double(random.next() % 1_000) / 1_000))
                _ = scheduler.admit(entry(Self.handshake, KeyPurpose.tls.workClass, patience: 3_000), now: now)
            } else {
                arrive(client)
            }
            while let lane = scheduler.popWake() { ask(lane) }
        }
    }

    private func entry(
        _ work: Int, _ workClass: WorkClass, patience: Int64, turn: UInt64 = 0
    ) -> LaneScheduler<Int>.Entry {
        .init(
            work: work, workClass: workClass, kind: WorkKind(rawValue: workClass == .upkeep ? 1 : 0),
            deadline: now + patience * Self.ms, patience: 5_000 * Self.ms, isExclusive: false, turn: turn)
    }

    private mutating func arrive(_ index: Int) {
        let wasPromised = clients[index].isPromised
        clients[index].isPromised = false
        let workClass = KeyPurpose.signing.workClass
        switch scheduler.admit(entry(index, workClass, patience: 2_000, turn: UInt64(index + 1)), now: now) {
        case nil:
            if wasPromised { tally.kept += 1 }
            clients[index].asks = nil
        case .saturated(let wait):
            if wasPromised { tally.broken += 1 }
            clients[index].isPromised = setting.obeys
            // The answer's way to the client, and the next request's way back.
            clients[index].asks = now + (setting.obeys ? wait + within(60) : 100 * Self.ms)
        case .expired, .stopped, .besideHang: tally.missed += 1
        }
    }

    private mutating func ask(_ lane: Int) {
        switch scheduler.next(for: lane, now: now) {
        case .run(let work):
            let takes = duration()
            busyTime += takes
            ends[lane] = (now + takes, work)
        case .drop(let work):
            miss(work)
            ask(lane)
        case .park, .leave: break
        }
    }

    private mutating func finish(_ lane: Int, _ work: Int) {
        ends[lane] = nil
        switch scheduler.finish(lane, now: now, succeeded: true) {
        case .owed:
            if work >= 0 {
                tally.served += 1
                clients[work].asks = now + within(15)
            } else {
                tally.others += 1
            }
        case .late: miss(work)
        case .told, .writtenOff: break
        }
        ask(lane)
    }

    private mutating func miss(_ work: Int) {
        tally.missed += 1
        if work >= 0 { clients[work].asks = now + within(15) }
    }

    private mutating func duration() -> Int64 {
        (setting.takes - setting.varies) * Self.ms + within(max(1, 2 * setting.varies))
    }

    private mutating func within(_ milliseconds: Int64) -> Int64 {
        Int64(random.next() % UInt64(milliseconds * Self.ms))
    }
}
