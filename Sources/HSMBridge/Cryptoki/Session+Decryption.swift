internal import CPKCS11

extension Session {
    /// Decrypts in one part (C_DecryptInit, C_Decrypt) into the room given; returns how many bytes of it are the plaintext.
    ///
    /// The room is as long as any RSA modulus we know, so that no token answers CKR_BUFFER_TOO_SMALL.
    func decrypt(
        _ ciphertext: [UInt8], with mechanism: Mechanism, key: CK_OBJECT_HANDLE, into room: inout [UInt8]
    ) throws(HSMError) -> Int {
        try decryptInit(mechanism, key: key)
        let capacity = room.count
        var count = CK_ULONG(capacity)
        // Safety: the library reads `ciphertext.count` bytes and writes at most `count` into the room, for the call only.
        try unsafe module.check(.decrypt) { functions in
            // Safety: as above; C_Decrypt does not write through the first pointer, whose type lacks a const.
            unsafe ciphertext.withUnsafeBufferPointer { data in
                // Safety: as above.
                unsafe functions.pointee.C_Decrypt?(
                    handle, UnsafeMutablePointer(mutating: data.baseAddress), CK_ULONG(data.count), &room, &count)
            }
        }
        guard let length = Int(exactly: count), length <= capacity else {
            throw HSMError(malformed: .decrypt, "a length beyond the room")
        }
        return length
    }

    /// What the host encrypts comes back.
    func proveRoundTrip(
        _ encryption: OAEPEncryption, _ handle: BoundKey.Handle, label: String
    ) throws(HSMError) {
        let ciphertext = try encryption.encrypt(Lane.canary)
        var room = [UInt8](repeating: 0, count: 1024)
        let count = try decrypt(ciphertext, with: handle.mechanism, key: handle.object, into: &room)
        guard room[..<count].elementsEqual(Lane.canary) else {
            throw HSMError(.keyMismatch, context: "\(label): another private key")
        }
    }
}
