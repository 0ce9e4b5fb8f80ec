import AsyncHTTPClient
import AuditLog
import CoreProtocol
import Logging
import NIOCore
import NIOHTTP1

/// Carries the core's checkpoints to the log's witnesses, and their cosignatures back to the core.
///
/// The core speaks to no network, and trusts nothing of what comes back but cosignatures that it verifies itself: a front
/// in an attacker's hands can only be silent, which the core shows.
struct WitnessMessengers: Sendable {
    private let witnesses: [Configuration.Witness]
    private let group: any EventLoopGroup
    private let logger: Logger

    /// One messenger for each witness.
    init(_ witnesses: [Configuration.Witness], group: any EventLoopGroup, logger: Logger) {
        self.witnesses = witnesses
        self.group = group
        self.logger = logger
    }

    /// What carries, for each witness: it ends only with the connection to the core.
    var all: [@Sendable (any CoreService) async throws -> Void] {
        witnesses.map { witness in
            { core in try await run(WitnessMessenger(witness, logger: logger), core) }
        }
    }

    private func run(_ messenger: WitnessMessenger, _ core: any CoreService) async throws {
        while true {
            do {
                let authorities = try messenger.witness.authoritiesFile.map {
                    try ConfigurationFile.read($0, limit: KeySetFiles.maximumAuthoritiesSize)
                }
                let configuration = try KeySetFetch.configuration(
                    authorities: authorities, patience: WitnessMessenger.patience)
                try await HTTPClient.withHTTPClient(eventLoopGroup: group, configuration: configuration) { client in
                    try await messenger.carry(client, core)
                }
            } catch let error as CoreError where error.code == .unreachable {
                throw error
            } catch {
                try Task.checkCancellation()
                logger.error(
                    "a witness cannot be asked", metadata: ["witness": "\(messenger.name)", "reason": "\(error)"])
                try await Task.sleep(for: .seconds(30))
            }
        }
    }
}

/// One witness's messenger.
private struct WitnessMessenger: Sendable {
    /// From the connection to the last byte of an answer.
    static let patience = Duration.seconds(5)
    /// How long the core holds back its answer while there is nothing new.
    private static let wait = Duration.seconds(2)
    /// Pauses after refusals grow up to this.
    private static let longestPause = Duration.seconds(30)

    let witness: Configuration.Witness
    let logger: Logger

    init(_ witness: Configuration.Witness, logger: Logger) {
        self.witness = witness
        self.logger = logger
    }

    var name: String { witness.key.name }

    /// Asks again and again; ends with the connection to the core.
    func carry(_ client: HTTPClient, _ core: any CoreService) async throws {
        var pause = Duration.zero
        while true {
            guard let body = try await core.witnessRequest(WitnessRequest(witness: name, wait: Self.wait)) else {
                continue
            }
            let answer = await post(body, client)
            try Task.checkCancellation()
            switch try await core.witnessAnswered(answer) {
            case .cosigned:
                if pause > .zero { logger.info("a witness cosigns again", metadata: ["witness": "\(name)"]) }
                pause = .zero
            case .askAgain: break
            case .refused:
                if pause == .zero { warn(answer) }
                pause = min(max(pause * 2, .seconds(1)), Self.longestPause)
                try await Task.sleep(for: pause)
            }
        }
    }

    private func warn(_ answer: WitnessAnswer) {
        let reason = answer.status.map { "it answered \($0)" } ?? String(decoding: answer.body, as: UTF8.self)
        logger.warning("a witness does not cosign", metadata: ["witness": "\(name)", "reason": "\(reason)"])
    }

    /// Source: C2SP tlog-witness, "add-checkpoint".
    private func post(_ body: [UInt8], _ client: HTTPClient) async -> WitnessAnswer {
        var request = HTTPClientRequest(url: witness.url + "/add-checkpoint")
        request.method = .POST
        request.headers.add(name: "content-type", value: "text/plain; charset=utf-8")
        request.body = .bytes(body)
        do {
            let answer = try await WholeAnswer.get(
                request, by: client, upTo: WitnessAnswer.maximumBytes, within: Self.patience)
            return WitnessAnswer(witness: name, status: Int(answer.status), body: answer.body)
        } catch is NIOTooManyBytesError {
            return WitnessAnswer(witness: name, status: nil, body: Array("answers with too many bytes".utf8))
        } catch {
            return WitnessAnswer(witness: name, status: nil, body: Array("is not reachable: \(error)".utf8.prefix(200)))
        }
    }
}
