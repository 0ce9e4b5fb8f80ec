extension HSMError {
    /// What an operator can do about it, in one line; docs/hsm.md says more.
    package var mend: String {
        switch code {
        case .device, .malformedAnswer: deviceMend
        case .saturated, .deadlineExceeded: "wait, or give the token more lanes if `bench hsm` says that helps"
        case .unavailable, .laneHung: "look at the HSM and its network; the appliance tries it again by itself"
        case .sealed: "restart the process"
        case .keyNotFound: "use the manifest and the token that belong together"
        case .keyNotUnique: "remove the other object with the same CKA_ID, or the label that is taken"
        case .keyMismatch: "use the manifest that was written for this token; do not use the key"
        case .keyRefused: "do not use the key: make another, on a token that keeps what it promises"
        case .weakKey: "make an RSA key of 2048 bits or more with exponent 65537"
        case .labelTaken: "choose another label, or remove what an earlier try left on the token"
        case .labelRefused: "use 1 to 64 visible ASCII characters"
        case .purposeConflict: "make a key for each purpose"
        case .unsupportedMechanism: "choose an algorithm the token has: `vault-appliance doctor` lists them"
        case .undecryptable:
            "use the envelope that was sealed for this appliance; keep the file, it may have been changed"
        case .administrationRefused:
            "have the owner of the partition initialise it and set its PINs, and adopt it as it is"
        case .importRefused: "give a private key in PEM: RSA (PKCS#1 or PKCS#8), or EC P-256 or Ed25519 (PKCS#8)"
        case .wrongSignature, .quarantined: "stop using the key, keep the logs, and call the vendor"
        case .pinFileRefused: "the PIN file must be a plain file of this user, mode 0600, with the PIN alone"
        case .pinRefused, .pinKnownBad: "correct the PIN; a refused one is not tried again by this process"
        case .pinFinalTry: "log in once with the vendor's tool and the right PIN: that resets the count"
        case .pinLocked: "let the security officer set a new user PIN with the vendor's tool"
        case .pinLength: "give the PIN the token was initialised with; see its limits with `doctor`"
        case .tokenInUse: "end what else is logged in to this token in the same process, such as a PKCS#11 proxy"
        case .moduleNotFound: "give the absolute path of the vendor's PKCS#11 library"
        case .moduleRefused: "give a PKCS#11 library that is a plain file and not writable by everyone"
        case .moduleInUse: "close what uses the library first"
        case .tokenNotFound: "correct the token's URI; `doctor` lists the tokens that are there"
        case .tokenNotUnique: "add serial=SERIAL to the token's URI"
        case .uriMalformed, .uriAttributeUnknown, .uriAttributeRepeated, .pinInURI, .pinSourceRefused:
            "write it like pkcs11:token=LABEL;serial=SERIAL (RFC 7512)"
        case .systemRefused: "raise the limits of the process: locked memory (RLIMIT_MEMLOCK), threads"
        }
    }

    private var deviceMend: String {
        switch failureClass {
        case .login: "check the PIN and the token's user with the vendor's tool"
        case .token: "look at the HSM: power, network, partition"
        case .library where function == "C_Initialize":
            "look at the library's own configuration and log: it could not start"
        case .library: "restart the process: the library has to be started again"
        case .session: "raise the token's limit of sessions, or use fewer lanes"
        case .ambiguous where function == "C_Initialize":
            "look at the library's own configuration file and environment variables, and its log"
        default: "see the library's own log; the function and its return value are named"
        }
    }
}
