/// Whether a token can make keys of an algorithm and sign with them, as it turned out when it was tried.
package struct AlgorithmReport: Sendable, Equatable {
    /// How a try ended.
    package enum Outcome: Sendable, Equatable {
        /// A key was made, signed, and its signature verified on the host.
        case works
        /// The token does not list what the algorithm needs.
        case notOffered
        /// Offered, and not tried: the token keeps no session keys, or was not to be tried.
        case untried
        /// Offered, and does not work.
        case fails(HSMError)
    }

    /// Which algorithm.
    package let algorithm: KeyAlgorithm
    /// How a try ended.
    package let outcome: Outcome
    /// The mechanism it is asked with, as in `CKM_ECDSA`; nil when the token offers none.
    package let mechanism: String?
    /// How long making a key pair took.
    package var generation: Duration?
    /// How long one signature took.
    package var signature: Duration?
}
