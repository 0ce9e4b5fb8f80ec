internal import CPKCS11

/// What a PKCS#11 function returned (CK_RV; PKCS#11 v2.40 base specification, section 5.1).
package struct ReturnValue: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    /// The CK_RV.
    package let rawValue: UInt

    /// Wraps a CK_RV as it came.
    package init(rawValue: UInt) { self.rawValue = rawValue }

    /// As in `CKR_DEVICE_ERROR (0x30)`; a value without a name here is shown by number alone.
    package var description: String {
        let number = "0x" + String(rawValue, radix: 16)
        guard let name = ReturnValue.names[self] else { return number }
        return "\(name) (\(number))"
    }

    static let ok = ReturnValue(rawValue: CKR_OK)
    static let hostMemory = ReturnValue(rawValue: CKR_HOST_MEMORY)
    static let slotIDInvalid = ReturnValue(rawValue: CKR_SLOT_ID_INVALID)
    /// CKR_GENERAL_ERROR.
    package static let generalError = ReturnValue(rawValue: CKR_GENERAL_ERROR)
    /// CKR_FUNCTION_FAILED.
    package static let functionFailed = ReturnValue(rawValue: CKR_FUNCTION_FAILED)
    static let argumentsBad = ReturnValue(rawValue: CKR_ARGUMENTS_BAD)
    static let cantLock = ReturnValue(rawValue: CKR_CANT_LOCK)
    static let needToCreateThreads = ReturnValue(rawValue: CKR_NEED_TO_CREATE_THREADS)
    static let attributeReadOnly = ReturnValue(rawValue: CKR_ATTRIBUTE_READ_ONLY)
    static let attributeSensitive = ReturnValue(rawValue: CKR_ATTRIBUTE_SENSITIVE)
    static let attributeTypeInvalid = ReturnValue(rawValue: CKR_ATTRIBUTE_TYPE_INVALID)
    static let attributeValueInvalid = ReturnValue(rawValue: CKR_ATTRIBUTE_VALUE_INVALID)
    static let actionProhibited = ReturnValue(rawValue: CKR_ACTION_PROHIBITED)
    static let dataInvalid = ReturnValue(rawValue: CKR_DATA_INVALID)
    static let dataLenRange = ReturnValue(rawValue: CKR_DATA_LEN_RANGE)
    /// CKR_DEVICE_ERROR.
    package static let deviceError = ReturnValue(rawValue: CKR_DEVICE_ERROR)
    static let encryptedDataInvalid = ReturnValue(rawValue: CKR_ENCRYPTED_DATA_INVALID)
    static let encryptedDataLenRange = ReturnValue(rawValue: CKR_ENCRYPTED_DATA_LEN_RANGE)
    static let wrappedKeyInvalid = ReturnValue(rawValue: CKR_WRAPPED_KEY_INVALID)
    static let wrappedKeyLenRange = ReturnValue(rawValue: CKR_WRAPPED_KEY_LEN_RANGE)
    static let sessionExists = ReturnValue(rawValue: CKR_SESSION_EXISTS)
    static let deviceMemory = ReturnValue(rawValue: CKR_DEVICE_MEMORY)
    /// CKR_DEVICE_REMOVED.
    package static let deviceRemoved = ReturnValue(rawValue: CKR_DEVICE_REMOVED)
    static let functionCanceled = ReturnValue(rawValue: CKR_FUNCTION_CANCELED)
    static let functionNotSupported = ReturnValue(rawValue: CKR_FUNCTION_NOT_SUPPORTED)
    /// CKR_KEY_HANDLE_INVALID.
    package static let keyHandleInvalid = ReturnValue(rawValue: CKR_KEY_HANDLE_INVALID)
    static let keySizeRange = ReturnValue(rawValue: CKR_KEY_SIZE_RANGE)
    static let keyTypeInconsistent = ReturnValue(rawValue: CKR_KEY_TYPE_INCONSISTENT)
    static let keyFunctionNotPermitted = ReturnValue(rawValue: CKR_KEY_FUNCTION_NOT_PERMITTED)
    static let mechanismInvalid = ReturnValue(rawValue: CKR_MECHANISM_INVALID)
    static let mechanismParamInvalid = ReturnValue(rawValue: CKR_MECHANISM_PARAM_INVALID)
    /// CKR_OBJECT_HANDLE_INVALID.
    package static let objectHandleInvalid = ReturnValue(rawValue: CKR_OBJECT_HANDLE_INVALID)
    static let operationActive = ReturnValue(rawValue: CKR_OPERATION_ACTIVE)
    static let operationNotInitialized = ReturnValue(rawValue: CKR_OPERATION_NOT_INITIALIZED)
    /// CKR_PIN_INCORRECT.
    package static let pinIncorrect = ReturnValue(rawValue: CKR_PIN_INCORRECT)
    static let pinInvalid = ReturnValue(rawValue: CKR_PIN_INVALID)
    static let pinLenRange = ReturnValue(rawValue: CKR_PIN_LEN_RANGE)
    static let pinExpired = ReturnValue(rawValue: CKR_PIN_EXPIRED)
    static let pinLocked = ReturnValue(rawValue: CKR_PIN_LOCKED)
    static let sessionClosed = ReturnValue(rawValue: CKR_SESSION_CLOSED)
    static let sessionCount = ReturnValue(rawValue: CKR_SESSION_COUNT)
    /// CKR_SESSION_HANDLE_INVALID.
    package static let sessionHandleInvalid = ReturnValue(rawValue: CKR_SESSION_HANDLE_INVALID)
    static let sessionReadOnly = ReturnValue(rawValue: CKR_SESSION_READ_ONLY)
    static let templateIncomplete = ReturnValue(rawValue: CKR_TEMPLATE_INCOMPLETE)
    static let templateInconsistent = ReturnValue(rawValue: CKR_TEMPLATE_INCONSISTENT)
    static let tokenNotPresent = ReturnValue(rawValue: CKR_TOKEN_NOT_PRESENT)
    static let tokenNotRecognized = ReturnValue(rawValue: CKR_TOKEN_NOT_RECOGNIZED)
    static let tokenWriteProtected = ReturnValue(rawValue: CKR_TOKEN_WRITE_PROTECTED)
    static let userAlreadyLoggedIn = ReturnValue(rawValue: CKR_USER_ALREADY_LOGGED_IN)
    /// CKR_USER_NOT_LOGGED_IN.
    package static let userNotLoggedIn = ReturnValue(rawValue: CKR_USER_NOT_LOGGED_IN)
    static let userPINNotInitialized = ReturnValue(rawValue: CKR_USER_PIN_NOT_INITIALIZED)
    static let userTypeInvalid = ReturnValue(rawValue: CKR_USER_TYPE_INVALID)
    static let userAnotherAlreadyLoggedIn = ReturnValue(rawValue: CKR_USER_ANOTHER_ALREADY_LOGGED_IN)
    static let userTooManyTypes = ReturnValue(rawValue: CKR_USER_TOO_MANY_TYPES)
    static let bufferTooSmall = ReturnValue(rawValue: CKR_BUFFER_TOO_SMALL)
    /// CKR_CRYPTOKI_NOT_INITIALIZED.
    package static let cryptokiNotInitialized = ReturnValue(rawValue: CKR_CRYPTOKI_NOT_INITIALIZED)
    static let cryptokiAlreadyInitialized = ReturnValue(rawValue: CKR_CRYPTOKI_ALREADY_INITIALIZED)

    private static let names: [ReturnValue: String] = [
        .ok: "CKR_OK", .hostMemory: "CKR_HOST_MEMORY", .slotIDInvalid: "CKR_SLOT_ID_INVALID",
        .generalError: "CKR_GENERAL_ERROR", .functionFailed: "CKR_FUNCTION_FAILED",
        .argumentsBad: "CKR_ARGUMENTS_BAD", .cantLock: "CKR_CANT_LOCK",
        .needToCreateThreads: "CKR_NEED_TO_CREATE_THREADS", .attributeReadOnly: "CKR_ATTRIBUTE_READ_ONLY",
        .attributeSensitive: "CKR_ATTRIBUTE_SENSITIVE", .attributeTypeInvalid: "CKR_ATTRIBUTE_TYPE_INVALID",
        .attributeValueInvalid: "CKR_ATTRIBUTE_VALUE_INVALID", .actionProhibited: "CKR_ACTION_PROHIBITED",
        .dataInvalid: "CKR_DATA_INVALID", .dataLenRange: "CKR_DATA_LEN_RANGE", .deviceError: "CKR_DEVICE_ERROR",
        .encryptedDataInvalid: "CKR_ENCRYPTED_DATA_INVALID",
        .encryptedDataLenRange: "CKR_ENCRYPTED_DATA_LEN_RANGE", .wrappedKeyInvalid: "CKR_WRAPPED_KEY_INVALID",
        .wrappedKeyLenRange: "CKR_WRAPPED_KEY_LEN_RANGE", .sessionExists: "CKR_SESSION_EXISTS",
        .deviceMemory: "CKR_DEVICE_MEMORY", .deviceRemoved: "CKR_DEVICE_REMOVED",
        .functionCanceled: "CKR_FUNCTION_CANCELED", .functionNotSupported: "CKR_FUNCTION_NOT_SUPPORTED",
        .keyHandleInvalid: "CKR_KEY_HANDLE_INVALID", .keySizeRange: "CKR_KEY_SIZE_RANGE",
        .keyTypeInconsistent: "CKR_KEY_TYPE_INCONSISTENT",
        .keyFunctionNotPermitted: "CKR_KEY_FUNCTION_NOT_PERMITTED", .mechanismInvalid: "CKR_MECHANISM_INVALID",
        .mechanismParamInvalid: "CKR_MECHANISM_PARAM_INVALID", .objectHandleInvalid: "CKR_OBJECT_HANDLE_INVALID",
        .operationActive: "CKR_OPERATION_ACTIVE", .operationNotInitialized: "CKR_OPERATION_NOT_INITIALIZED",
        .pinIncorrect: "CKR_PIN_INCORRECT", .pinInvalid: "CKR_PIN_INVALID", .pinLenRange: "CKR_PIN_LEN_RANGE",
        .pinExpired: "CKR_PIN_EXPIRED", .pinLocked: "CKR_PIN_LOCKED", .sessionClosed: "CKR_SESSION_CLOSED",
        .sessionCount: "CKR_SESSION_COUNT", .sessionHandleInvalid: "CKR_SESSION_HANDLE_INVALID",
        .sessionReadOnly: "CKR_SESSION_READ_ONLY", .templateIncomplete: "CKR_TEMPLATE_INCOMPLETE",
        .templateInconsistent: "CKR_TEMPLATE_INCONSISTENT", .tokenNotPresent: "CKR_TOKEN_NOT_PRESENT",
        .tokenNotRecognized: "CKR_TOKEN_NOT_RECOGNIZED", .tokenWriteProtected: "CKR_TOKEN_WRITE_PROTECTED",
        .userAlreadyLoggedIn: "CKR_USER_ALREADY_LOGGED_IN", .userNotLoggedIn: "CKR_USER_NOT_LOGGED_IN",
        .userPINNotInitialized: "CKR_USER_PIN_NOT_INITIALIZED", .userTypeInvalid: "CKR_USER_TYPE_INVALID",
        .userAnotherAlreadyLoggedIn: "CKR_USER_ANOTHER_ALREADY_LOGGED_IN",
        .userTooManyTypes: "CKR_USER_TOO_MANY_TYPES", .bufferTooSmall: "CKR_BUFFER_TOO_SMALL",
        .cryptokiNotInitialized: "CKR_CRYPTOKI_NOT_INITIALIZED",
        .cryptokiAlreadyInitialized: "CKR_CRYPTOKI_ALREADY_INITIALIZED",
    ]
}
