package import AuditLog
package import CoreProtocol
import NIOCore
import StrictEncoding

extension VaultCore {
    /// For this many intervals a witness may be behind before anybody is told, and at least for so long.
    private static let patience = (intervals: 10, least: Duration.seconds(10))

    package func witnessRequest(_ request: WitnessRequest) async throws(CoreError) -> [UInt8]? {
        let witnesses = try witnesses()
        do throws(AuditLogError) {
            return try await witnesses.request(for: request.witness, within: request.wait)
        } catch {
            throw CoreError(error)
        }
    }

    package func witnessAnswered(_ answer: WitnessAnswer) async throws(CoreError) -> Witnesses.Verdict {
        let witnesses = try witnesses()
        do throws(AuditLogError) {
            return try witnesses.answered(answer.witness, status: answer.status, body: answer.body)
        } catch {
            throw CoreError(error)
        }
    }

    private func witnesses() throws(CoreError) -> Witnesses {
        guard let witnesses = log.witnesses else { throw CoreError(.refused, "witness: none is configured") }
        return witnesses
    }

    /// Answers a front's request that has to wait.
    func answerLater(
        _ answer: @escaping @Sendable (Result<ByteBuffer, CoreError>) -> Void,
        _ body: @escaping @Sendable () async throws(CoreError) -> ByteBuffer
    ) {
        Task {
            do throws(CoreError) {
                answer(.success(try await body()))
            } catch {
                answer(.failure(error))
            }
        }
    }

    /// What is wrong with single witnesses.
    func witnessWarnings(_ log: LogStatus) -> [String] {
        let patience = max(log.checkpointInterval * VaultCore.patience.intervals, VaultCore.patience.least)
        return log.witnesses.compactMap { witness in
            if witness.contradicts { return "witness \(witness.name) \(witness.problem ?? "contradicts the log")" }
            guard let lag = witness.lag, lag > patience else { return nil }
            let reason = witness.problem.map { ": \($0)" } ?? ""
            return "witness \(witness.name) has cosigned nothing for \(lag.components.seconds) s\(reason)"
        }
    }

    /// Why nothing can be released for the witnesses' sake; without `strict` they stop nothing.
    func witnessFault(_ log: LogStatus) -> String? {
        let patience = log.checkpointInterval * VaultCore.patience.intervals
        guard settings.logOptions.strict, let lag = log.witnessLag, lag > patience else { return nil }
        return "log: no checkpoint has had a quorum of witnesses for \(lag.components.seconds) s"
    }
}

extension WitnessStanding {
    /// As the front sees it.
    var described: CoreDescription.Witness {
        CoreDescription.Witness(
            name: name, size: Int64(clamping: size), lag: lag?.components.seconds ?? 0, problem: problem)
    }

    /// As an operator sees it.
    var json: JSONValue {
        [
            "name": .string(name), "size": .integer(Int64(clamping: size)),
            "cosigned": time.map { .string(UnixTime(seconds: $0).rfc3339) } ?? .null,
            "lag_seconds": .integer(lag?.components.seconds ?? 0), "problem": problem.map { .string($0) } ?? .null,
        ]
    }
}
