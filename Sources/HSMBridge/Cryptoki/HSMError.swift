/// Why the bridge refused or failed: a code, and for failures of the device the function and what it returned.
///
/// Two errors are equal when their codes are. No error holds a PIN, a key, or the bytes that were to be signed.
package struct HSMError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The cases a caller may tell apart.
    package enum Code: String, Sendable, CaseIterable {
        /// A PKCS#11 function returned something other than CKR_OK.
        case device
        /// A PKCS#11 function answered CKR_OK with something that cannot be true.
        case malformedAnswer
        /// The deadline cannot be met; `retryAfterMilliseconds` says when one like it could be.
        case saturated
        /// The deadline passed before there was a verified signature.
        case deadlineExceeded
        /// The breaker is open: the token fails; `retryAfterMilliseconds` says when it is tried again.
        case unavailable
        /// A call did not return in time and its lane was written off.
        case laneHung
        /// The HSM was shut down, or needs its library restarted.
        case sealed
        case keyNotFound, keyNotUnique
        /// The token's public key, label or algorithm differs from the reference.
        case keyMismatch
        /// A new key did not have the attributes asked for, or did not refuse a negative probe.
        case keyRefused
        /// RSA below 2048 bits, or a public exponent other than 65537.
        case weakKey
        case labelTaken, labelRefused
        /// The key is already in use for another purpose.
        case purposeConflict
        case unsupportedMechanism
        /// The signature did not verify on the host: the key is quarantined.
        case wrongSignature
        /// The key made a wrong signature before.
        case quarantined
        /// A ciphertext that is not for this key, or was changed; the token itself works.
        case undecryptable
        /// The partition does not let us initialise it or set its PINs: its owner does that.
        case administrationRefused
        /// A private key that cannot be brought in: its form, its kind, or how it was wrapped.
        case importRefused
        case pinFileRefused
        /// The token refused the PIN.
        case pinRefused
        /// This PIN failed before and is never tried again.
        case pinKnownBad
        /// One try is left: a person has to clear that.
        case pinFinalTry
        case pinLocked
        case pinLength
        /// Someone else in this process is logged in, so the PIN could not be checked.
        case tokenInUse
        case moduleNotFound, moduleRefused, moduleInUse
        case tokenNotFound, tokenNotUnique
        case uriMalformed, uriAttributeUnknown, uriAttributeRepeated
        /// `pin-value` would put the PIN into process lists and logs.
        case pinInURI
        case pinSourceRefused
        /// The system gave no locked memory, thread or the like.
        case systemRefused
    }

    /// What happened.
    package let code: Code
    /// The PKCS#11 function, as in `C_Sign`.
    package let function: String?
    /// What it returned.
    package let returnValue: ReturnValue?
    /// When a request like this one could be served; for `saturated` and `unavailable`.
    package let retryAfterMilliseconds: Int64?
    /// Which thing, in our own words: an attribute, a label, a path.
    package let context: String?

    /// What the failure of a device calls for; nil for our own refusals.
    package var failureClass: FailureClass? {
        switch code {
        case .device: returnValue?.failureClass
        case .malformedAnswer: .ambiguous
        default: nil
        }
    }

    /// The token answered, and the fault is with one key: no reason to keep others from the token.
    var isAboutKey: Bool {
        switch code {
        case .keyNotFound, .keyNotUnique, .keyMismatch, .keyRefused, .wrongSignature, .quarantined,
            .unsupportedMechanism:
            true
        default: false
        }
    }

    /// Errors are equal when their codes are.
    package static func == (left: HSMError, right: HSMError) -> Bool { left.code == right.code }

    /// As in `C_Sign: CKR_DEVICE_ERROR (0x30)`, or the code and what it is about.
    package var description: String {
        var text = code.rawValue
        if let function, let returnValue { text = "\(function): \(returnValue)" }
        if let context { text += " (\(context))" }
        if let retryAfterMilliseconds { text += ", retry after \(retryAfterMilliseconds) ms" }
        return text
    }

    init(_ code: Code, context: String? = nil, retryAfterMilliseconds: Int64? = nil) {
        self.code = code
        self.context = context
        self.retryAfterMilliseconds = retryAfterMilliseconds
        function = nil
        returnValue = nil
    }

    /// An error as another process had it; `function` and `returnValue` are a device's.
    package init(_ code: Code, function: String?, returnValue: ReturnValue?, context: String?) {
        self.code = code
        self.function = function
        self.returnValue = returnValue
        self.context = context
        retryAfterMilliseconds = nil
    }

    init(_ function: CryptokiFunction, _ returnValue: ReturnValue) {
        code = .device
        self.function = function.rawValue
        self.returnValue = returnValue
        retryAfterMilliseconds = nil
        context = nil
    }

    init(malformed function: CryptokiFunction, _ context: String) {
        code = .malformedAnswer
        self.function = function.rawValue
        returnValue = nil
        retryAfterMilliseconds = nil
        self.context = "\(function.rawValue): \(context)"
    }
}
