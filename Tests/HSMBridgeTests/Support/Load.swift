import Crypto
import Synchronization

@testable import HSMBridge

/// What many requests at once came to.
struct Load: CustomStringConvertible {
    /// Signatures that another check than the bridge's own found right.
    var signatures = 0
    /// Signatures that it found wrong: none may ever be released.
    var wrong = 0
    /// How often each refusal was given.
    var refusals: [HSMError.Code: Int] = [:]

    var codes: Set<HSMError.Code> { Set(refusals.keys) }
    var requests: Int { signatures + wrong + refusals.values.reduce(0, +) }
    var description: String { "\(signatures) signed, \(wrong) wrong, refused: \(refusals)" }

    /// Makes the requests over so many tasks; each has a message of its own, and more time than any queue takes.
    static func run(_ key: some TokenKey, requests: Int, tasks: Int = 16) async -> Load {
        let next = Countdown(requests)
        return await withTaskGroup(of: Load.self) { group in
            for _ in 0..<tasks {
                group.addTask {
                    var load = Load()
                    while let number = next.take() {
                        await load.request(key, Array("message \(number)".utf8))
                    }
                    return load
                }
            }
            return await group.reduce(into: Load()) { $0.add($1) }
        }
    }

    mutating func request(_ key: some TokenKey, _ message: [UInt8]) async {
        do throws(HSMError) {
            let signature = try await key.sign(message, deadline: .now + .seconds(3600))
            if Load.isRight(signature, message, key.reference) { signatures += 1 } else { wrong += 1 }
        } catch {
            refusals[error.code, default: 0] += 1
        }
    }

    mutating func add(_ other: Load) {
        signatures += other.signatures
        wrong += other.wrong
        refusals.merge(other.refusals, uniquingKeysWith: +)
    }

    /// Checks an ES256 signature, raw as in JOSE or in DER as in TLS.
    private static func isRight(_ signature: [UInt8], _ message: [UInt8], _ reference: KeyReference) -> Bool {
        guard case .ec(let x, let y) = reference.publicKey,
            let key = try? P256.Signing.PublicKey(rawRepresentation: x + y)
        else { return false }
        let read =
            (try? P256.Signing.ECDSASignature(rawRepresentation: signature))
            ?? (try? P256.Signing.ECDSASignature(derRepresentation: signature))
        return read.map { key.isValidSignature($0, for: message) } ?? false
    }
}

/// Numbers from a start down to one, each given out once.
private final class Countdown: Sendable {
    private let left: Mutex<Int>

    init(_ start: Int) { left = Mutex(start) }

    func take() -> Int? {
        left.withLock { left in
            guard left > 0 else { return nil }
            left -= 1
            return left + 1
        }
    }
}
