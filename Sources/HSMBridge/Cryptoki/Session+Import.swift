internal import CPKCS11

extension Session {
    /// Makes a key of a wrapped one (C_UnwrapKey): the only way into a token but C_CreateObject, and none out of it.
    func unwrapKey(
        _ mechanism: Mechanism, with key: CK_OBJECT_HANDLE, _ wrapped: [UInt8], template: [Attribute]
    ) throws(HSMError) -> CK_OBJECT_HANDLE {
        var object = CK_OBJECT_HANDLE(CK_INVALID_HANDLE)
        // Safety: mechanism, bytes and template are lent for the length of the call; the handle is a local.
        try unsafe module.check(.unwrapKey) { functions in
            // Safety: as above.
            unsafe mechanism.withPointer { mechanism in
                // Safety: as above.
                unsafe template.withTemplate { attributes, count in
                    // Safety: as above; C_UnwrapKey does not write through the bytes' pointer, which lacks a const.
                    unsafe wrapped.withUnsafeBufferPointer { bytes in
                        // Safety: as above.
                        unsafe functions.pointee.C_UnwrapKey?(
                            handle, mechanism, key, UnsafeMutablePointer(mutating: bytes.baseAddress),
                            CK_ULONG(bytes.count), attributes, count, &object)
                    }
                }
            }
        }
        return object
    }

    /// Makes an object of its parts (C_CreateObject): in a child process for one key alone (`TokenOffice`).
    func createObject(_ template: [Attribute]) throws(HSMError) -> CK_OBJECT_HANDLE {
        var object = CK_OBJECT_HANDLE(CK_INVALID_HANDLE)
        // Safety: the template is lent for the length of the call; the handle is a local.
        try unsafe module.check(.createObject) { functions in
            // Safety: as above.
            unsafe template.withTemplate { unsafe functions.pointee.C_CreateObject?(handle, $0, $1, &object) }
        }
        return object
    }
}
