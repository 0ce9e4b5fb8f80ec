internal import CPKCS11

/// What a token says of one mechanism (CK_MECHANISM_INFO): a claim, which `TokenProbe` holds against what it does.
struct MechanismInfo: Sendable, Equatable {
    /// The smallest key, in bits or bytes as the mechanism defines it.
    let minimumKeySize: Int
    /// The largest key.
    let maximumKeySize: Int
    let flags: CK_FLAGS

    var signs: Bool { flags & P11_SIGN != 0 }
    var generatesKeyPairs: Bool { flags & P11_GENERATE_KEY_PAIR != 0 }
    var decrypts: Bool { flags & P11_DECRYPT != 0 }
    /// Whether the token says that the device does the work, not the library.
    var isHardware: Bool { flags & P11_HW != 0 }

    init(_ info: CK_MECHANISM_INFO) {
        minimumKeySize = Int(clamping: info.ulMinKeySize)
        maximumKeySize = Int(clamping: info.ulMaxKeySize)
        flags = info.flags
    }
}

extension Module {
    /// What a token says of one of its mechanisms.
    func mechanismInfo(_ mechanism: MechanismType, slot: CK_SLOT_ID) throws(HSMError) -> MechanismInfo {
        var info = CK_MECHANISM_INFO()
        // Safety: a local that outlives the call.
        try unsafe check(.getMechanismInfo) {
            unsafe $0.pointee.C_GetMechanismInfo?(slot, mechanism.rawValue, &info)
        }
        return MechanismInfo(info)
    }
}
