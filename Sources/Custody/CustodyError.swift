/// Why something of a custodian, or something made for custodians, was refused; nothing was changed.
package struct CustodyError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of refusal it is.
    package enum Code: String, Sendable, CaseIterable {
        /// The bytes do not have the form they must have.
        case malformed
        /// An algorithm or a version that is not accepted here.
        case unsupported
        /// A signature that is not the key's over these bytes.
        case badSignature
        /// A signature made for another use.
        case wrongNamespace
        /// A key that belongs to nobody who may do this.
        case stranger
        /// The same person, key or share twice.
        case repeated
        /// Made for another appliance, another request or another epoch.
        case foreign
        /// Older than what is in force.
        case stale
        /// Past its time.
        case expired
        /// A share that is not the one its custodian was given.
        case wrongShare
        /// Fewer persons than it takes.
        case tooFew
        /// Ciphertext that was changed, or that no key at hand opens.
        case notOpened
        /// A manifest that does not follow from its predecessor.
        case notChained
        /// A file that cannot be used as it is.
        case fileRefused
        /// The operating system gave no memory or no randomness.
        case systemRefused
        /// A step of a ceremony did not hold what it promises.
        case stepFailed
        /// What the state of a ceremony does not allow.
        case wrongState
    }

    package let code: Code
    /// For people: in our own words, names and fingerprints, never a secret.
    package let reason: String

    /// A refusal.
    package init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    /// Refusals are equal when their codes are.
    package static func == (left: CustodyError, right: CustodyError) -> Bool { left.code == right.code }

    package var description: String { reason }
}
