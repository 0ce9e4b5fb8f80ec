internal import CPKCS11

extension Session {
    /// Signs in one part (C_SignInit, C_Sign) into the room given, and returns how many bytes of it are the signature.
    func sign(
        _ data: [UInt8], with mechanism: Mechanism, key: CK_OBJECT_HANDLE, into room: inout [UInt8]
    ) throws(HSMError) -> Int {
        try signInit(mechanism, key: key)
        let capacity = room.count
        var count = CK_ULONG(capacity)
        // Safety: the library reads `data.count` bytes and writes at most `count` into the room, both for the call only.
        try unsafe module.check(.sign) { functions in
            // Safety: as above; C_Sign does not write through the data pointer, whose type lacks a const.
            unsafe data.withUnsafeBufferPointer { data in
                // Safety: as above.
                unsafe functions.pointee.C_Sign?(
                    handle, UnsafeMutablePointer(mutating: data.baseAddress), CK_ULONG(data.count), &room, &count)
            }
        }
        guard let length = Int(exactly: count), length > 0, length <= capacity else {
            throw HSMError(malformed: .sign, "a length beyond the room")
        }
        return length
    }

    /// Starts a signature (C_SignInit); by itself only a probe does that, and drops the session afterwards.
    func signInit(_ mechanism: Mechanism, key: CK_OBJECT_HANDLE) throws(HSMError) {
        // Safety: the mechanism and its parameter are lent for the length of the call.
        try unsafe module.check(.signInit) { functions in
            // Safety: as above.
            unsafe mechanism.withPointer { unsafe functions.pointee.C_SignInit?(handle, $0, key) }
        }
    }

    /// Starts a decryption (C_DecryptInit): a probe that a signing key must refuse.
    func decryptInit(_ mechanism: Mechanism, key: CK_OBJECT_HANDLE) throws(HSMError) {
        // Safety: the mechanism and its parameter are lent for the length of the call.
        try unsafe module.check(.decryptInit) { functions in
            // Safety: as above.
            unsafe mechanism.withPointer { unsafe functions.pointee.C_DecryptInit?(handle, $0, key) }
        }
    }
}
