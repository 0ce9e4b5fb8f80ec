/// What a failure of the device calls for (docs/hsm.md, "Failures").
package enum FailureClass: String, Sendable, CaseIterable {
    /// The call itself was wrong; repeating it changes nothing.
    case operation
    /// The session is lost or stuck in another operation: replace it.
    case session
    /// Logged out: go through the single-flight login gate.
    case login
    /// The object handle died: look the key up again.
    case handle
    /// The device or token is gone or broken: the breaker counts it.
    case token
    /// The library must be initialised again: drain, say so, exit sealed.
    case library
    /// Says nothing about its cause: a canary signature decides whether the token is to blame.
    case ambiguous
}

extension ReturnValue {
    /// The class of this value; one we do not know is ambiguous.
    package var failureClass: FailureClass {
        switch self {
        case .sessionHandleInvalid, .sessionClosed, .sessionCount, .operationActive, .operationNotInitialized,
            .bufferTooSmall, .functionCanceled:
            .session
        case .userNotLoggedIn, .pinIncorrect, .pinInvalid, .pinLenRange, .pinExpired, .pinLocked,
            .userPINNotInitialized, .userAlreadyLoggedIn, .userAnotherAlreadyLoggedIn, .userTooManyTypes:
            .login
        case .keyHandleInvalid, .objectHandleInvalid:
            .handle
        case .deviceError, .deviceMemory, .deviceRemoved, .tokenNotPresent, .tokenNotRecognized, .slotIDInvalid:
            .token
        case .cryptokiNotInitialized, .cryptokiAlreadyInitialized, .cantLock, .needToCreateThreads:
            .library
        case .argumentsBad, .attributeReadOnly, .attributeSensitive, .attributeTypeInvalid, .attributeValueInvalid,
            .actionProhibited, .encryptedDataInvalid, .encryptedDataLenRange, .wrappedKeyInvalid, .wrappedKeyLenRange,
            .sessionExists, .dataInvalid, .dataLenRange, .functionNotSupported, .keySizeRange,
            .keyTypeInconsistent, .keyFunctionNotPermitted, .mechanismInvalid, .mechanismParamInvalid,
            .sessionReadOnly, .templateIncomplete, .templateInconsistent, .tokenWriteProtected, .userTypeInvalid:
            .operation
        default:
            .ambiguous
        }
    }

    /// The device itself is away: no point in waiting for a second failure.
    var meansDeviceGone: Bool {
        self == .deviceRemoved || self == .tokenNotPresent || self == .slotIDInvalid
    }
}

extension HSMError {
    /// The token no longer knows the session: its number may be another session's by now.
    var meansSessionIsLost: Bool { returnValue == .sessionHandleInvalid || returnValue == .sessionClosed }

    /// Logged out, and for a reason that trying again does not mend: a person has to look at the token.
    var meansLoginIsBarred: Bool {
        switch code {
        case .pinFinalTry, .pinLocked, .tokenInUse: true
        default: false
        }
    }
}
