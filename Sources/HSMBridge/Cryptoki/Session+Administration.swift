internal import CPKCS11

extension Session {
    /// Sets the user's PIN (C_InitPIN); the security officer is logged in.
    func initPIN(_ pin: PIN) throws(HSMError) {
        // Safety: the PIN's memory is lent for the length of the call.
        let value = unsafe pin.withBytes { bytes in
            // Safety: as above; C_InitPIN does not write through the pointer, whose type lacks a const.
            unsafe module.returnValue {
                // Safety: as above.
                unsafe $0.pointee.C_InitPIN?(
                    handle, UnsafeMutablePointer(mutating: bytes.baseAddress), CK_ULONG(bytes.count))
            }
        }
        try Session.judge(value, .initPIN)
    }

    /// Changes the PIN of whoever is logged in, or of the user when nobody is (C_SetPIN).
    func setPIN(from old: PIN, to new: PIN) throws(HSMError) {
        // Safety: both PINs' memory is lent for the length of the call.
        let value = unsafe old.withBytes { oldBytes in
            // Safety: as above.
            unsafe new.withBytes { newBytes in
                // Safety: as above; C_SetPIN does not write through the pointers, whose types lack a const.
                unsafe module.returnValue {
                    // Safety: as above.
                    unsafe $0.pointee.C_SetPIN?(
                        handle, UnsafeMutablePointer(mutating: oldBytes.baseAddress), CK_ULONG(oldBytes.count),
                        UnsafeMutablePointer(mutating: newBytes.baseAddress), CK_ULONG(newBytes.count))
                }
            }
        }
        try Session.judge(value, .setPIN)
    }

    /// A partition that came from others may refuse all of this, and says so with CKR_FUNCTION_NOT_SUPPORTED.
    static func judge(_ value: ReturnValue, _ function: CryptokiFunction) throws(HSMError) {
        switch value {
        case .ok: return
        case .functionNotSupported:
            throw HSMError(
                .administrationRefused, function: function.rawValue, returnValue: value,
                context: "this partition does not let its users do that")
        case .pinIncorrect, .pinInvalid, .pinExpired:
            throw HSMError(.pinRefused, function: function.rawValue, returnValue: value, context: nil)
        case .pinLenRange:
            throw HSMError(.pinLength, function: function.rawValue, returnValue: value, context: nil)
        case .pinLocked: throw HSMError(.pinLocked, function: function.rawValue, returnValue: value, context: nil)
        default: throw HSMError(function, value)
        }
    }
}

extension Module {
    /// Initialises the token in a slot (C_InitToken): everything on it is destroyed.
    func initToken(slot: CK_SLOT_ID, officerPIN: PIN, label: String) throws(HSMError) {
        // PKCS#11 v2.40 section 5.5: 32 characters, padded with blanks, no zero at the end.
        var padded = Array(label.utf8) + [UInt8](repeating: 0x20, count: max(0, 32 - label.utf8.count))
        // Safety: the PIN's memory and the label are lent for the length of the call.
        let value = unsafe officerPIN.withBytes { bytes in
            // Safety: as above; C_InitToken does not write through the pointers, whose types lack a const.
            unsafe returnValue {
                // Safety: as above.
                unsafe $0.pointee.C_InitToken?(
                    slot, UnsafeMutablePointer(mutating: bytes.baseAddress), CK_ULONG(bytes.count), &padded)
            }
        }
        try Session.judge(value, .initToken)
    }

    /// The one slot whose token is not initialised; SoftHSM always lists one.
    func freeSlot() throws(HSMError) -> CK_SLOT_ID {
        var free: [CK_SLOT_ID] = []
        for slot in try slots() {
            var info = CK_TOKEN_INFO()
            // Safety: a local that outlives the call.
            let value = unsafe returnValue { unsafe $0.pointee.C_GetTokenInfo?(slot, &info) }
            if value == .ok, info.flags & P11_TOKEN_INITIALIZED == 0 { free.append(slot) }
        }
        guard let first = free.first else {
            throw HSMError(.tokenNotFound, context: "no token waits to be initialised")
        }
        guard free.count == 1 else {
            throw HSMError(.tokenNotUnique, context: "\(free.count) tokens wait to be initialised")
        }
        return first
    }
}
