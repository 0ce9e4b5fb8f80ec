internal import CVaultSystem

extension Lane {
    /// Lends the plaintext to `open`, recovering from losses while its caller waits.
    ///
    /// What is decrypted comes from outside, so a failure by itself says nothing about the token: some answer a ciphertext
    /// they cannot open with CKR_DEVICE_ERROR. A round trip of the host's own decides whose fault it is. The breaker, which
    /// keeps signatures from the token too, hears of none of it unless the device is gone.
    mutating func decrypt<Answer>(
        _ ciphertext: [UInt8], with key: BoundKey, until deadline: ContinuousClock.Instant,
        _ open: (Span<UInt8>) -> Answer
    ) -> Result<Answer, HSMError> {
        // One canary is enough for bytes that anybody may have sent.
        asksOtherKeys = false
        defer { asksOtherKeys = true }
        let result = decrypt(ciphertext, with: key, Recoveries(until: deadline, doubts: 1), open)
        verdict = .none
        if case .failure(let error) = result {
            if error.failureClass == .library { verdict = .libraryLost }
            if error.returnValue?.meansDeviceGone == true { verdict = .fails(isSevere: true) }
        }
        return result
    }

    private mutating func decrypt<Answer>(
        _ ciphertext: [UInt8], with key: BoundKey, _ recoveries: Recoveries, _ open: (Span<UInt8>) -> Answer
    ) -> Result<Answer, HSMError> {
        var recoveries = recoveries
        while true {
            let seen = key.handle
            do throws(HSMError) {
                return .success(try attemptDecryption(ciphertext, with: key, seen, open))
            } catch {
                guard let failure = Lane.decryptionFailure(error) else { return .failure(error) }
                if failure == .operation { return .failure(Lane.undecryptable(key, error)) }
                guard recoveries.permit(failure) else {
                    // A round trip went well in between, so it is this ciphertext.
                    let isCleared = failure == .ambiguous && recoveries.isTokenCleared
                    return .failure(isCleared ? Lane.undecryptable(key, error) : error)
                }
                if let fatal = recover(from: error, failure, key, seen) { return .failure(fatal) }
            }
        }
    }

    /// A round trip of the host's own.
    mutating func attemptRoundTrip(
        _ encryption: OAEPEncryption, _ key: BoundKey, _ seen: BoundKey.Handle
    ) throws(HSMError) {
        let ciphertext = try encryption.encrypt(Lane.canary)
        let isRight = try attemptDecryption(ciphertext, with: key, seen) { plaintext in
            plaintext.count == Lane.canary.count && plaintext.indices.allSatisfy { plaintext[$0] == Lane.canary[$0] }
        }
        guard isRight else { throw HSMError(.keyMismatch, context: "\(key.reference.label): another private key") }
    }

    private mutating func attemptDecryption<Answer>(
        _ ciphertext: [UInt8], with key: BoundKey, _ seen: BoundKey.Handle, _ open: (Span<UInt8>) -> Answer
    ) throws(HSMError) -> Answer {
        guard key.reference.algorithm.oaepHash != nil else {
            throw HSMError(.purposeConflict, context: key.reference.label)
        }
        try key.refuseForgotten(seen)
        var plaintext = [UInt8](repeating: 0, count: 1024)
        // Safety: the array's own storage, with its own length; nothing else refers to it.
        defer {
            unsafe plaintext.withUnsafeMutableBytes { room in
                // Safety: as above.
                if let start = room.baseAddress { unsafe csystem_wipe(start, room.count) }
            }
        }
        let count = try withSession { (session) throws(HSMError) in
            defer { session.pulse?() }
            return try session.decrypt(ciphertext, with: seen.mechanism, key: seen.object, into: &plaintext)
        }
        return open(plaintext.span.extracting(0..<count))
    }

    /// A device that is gone is gone; any other failure of the token may be this ciphertext's.
    private static func decryptionFailure(_ error: HSMError) -> FailureClass? {
        guard error.failureClass == .token, error.returnValue?.meansDeviceGone != true else {
            return error.failureClass
        }
        return .ambiguous
    }

    private static func undecryptable(_ key: BoundKey, _ error: HSMError) -> HSMError {
        HSMError(.undecryptable, context: "\(key.reference.label): \(error)")
    }
}
