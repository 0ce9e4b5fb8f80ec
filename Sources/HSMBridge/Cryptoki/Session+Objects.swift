internal import CPKCS11

extension Session {
    /// The largest attribute the bridge reads: no public key it knows comes near.
    private static let largestAttribute = 16_384

    /// Handles of the objects that match, at most `limit` of them (C_FindObjects).
    func find(_ template: [Attribute], limit: Int) throws(HSMError) -> [CK_OBJECT_HANDLE] {
        // Safety: the template is lent for the length of the call.
        try unsafe module.check(.findObjectsInit) { functions in
            // Safety: as above.
            unsafe template.withTemplate { unsafe functions.pointee.C_FindObjectsInit?(handle, $0, $1) }
        }
        let found: [CK_OBJECT_HANDLE]
        do throws(HSMError) {
            found = try findNext(limit: limit)
        } catch {
            try? findFinal()
            throw error
        }
        try findFinal()
        return found
    }

    private func findNext(limit: Int) throws(HSMError) -> [CK_OBJECT_HANDLE] {
        var found: [CK_OBJECT_HANDLE] = []
        while found.count < limit {
            pulse?()
            var batch = [CK_OBJECT_HANDLE](repeating: 0, count: min(64, limit - found.count))
            let capacity = CK_ULONG(batch.count)
            var count: CK_ULONG = 0
            // Safety: the call writes at most `capacity` handles.
            try unsafe module.check(.findObjects) {
                unsafe $0.pointee.C_FindObjects?(handle, &batch, capacity, &count)
            }
            guard count <= capacity else { throw HSMError(malformed: .findObjects, "more handles than room") }
            guard count > 0 else { break }
            found.append(contentsOf: batch.prefix(Int(count)))
        }
        return found
    }

    private func findFinal() throws(HSMError) {
        // Safety: no pointers.
        try unsafe module.check(.findObjectsFinal) { unsafe $0.pointee.C_FindObjectsFinal?(handle) }
    }

    /// An attribute's bytes; nil when the object has none of that type, or the token will not show it.
    func attribute(_ type: AttributeType, of object: CK_OBJECT_HANDLE) throws(HSMError) -> [UInt8]? {
        pulse?()
        guard let length = try length(of: type, object) else { return nil }
        guard length <= Session.largestAttribute else {
            throw HSMError(malformed: .getAttributeValue, "\(type.name) is longer than any we know")
        }
        var bytes = [UInt8](repeating: 0, count: length)
        var written = CK_ULONG(length)
        // Safety: the token writes at most as many bytes as the array has.
        let value = unsafe bytes.withUnsafeMutableBytes { room in
            // Safety: as above; the pointers live for the length of the call.
            unsafe module.returnValue { functions in
                // Safety: as above.
                var attribute = unsafe CK_ATTRIBUTE(
                    type: type.rawValue, pValue: room.baseAddress, ulValueLen: CK_ULONG(room.count))
                // Safety: as above.
                let value = unsafe functions.pointee.C_GetAttributeValue?(handle, object, &attribute, 1)
                unsafe written = attribute.ulValueLen
                return value
            }
        }
        guard value == .ok else { throw HSMError(.getAttributeValue, value) }
        guard written <= length else { throw HSMError(malformed: .getAttributeValue, "\(type.name) exceeds its room") }
        return Array(bytes.prefix(Int(written)))
    }

    /// What the token returns when asked for the length of an attribute: a probe of secret ones wants the refusal.
    func lengthProbe(
        _ type: AttributeType, _ object: CK_OBJECT_HANDLE
    ) -> (value: ReturnValue, length: CK_ULONG) {
        var length = P11_UNAVAILABLE_INFORMATION
        // Safety: no room given, so the token can only write the length, into a local.
        let value = unsafe module.returnValue { functions in
            // Safety: as above.
            var attribute = unsafe CK_ATTRIBUTE(type: type.rawValue, pValue: nil, ulValueLen: 0)
            // Safety: as above.
            let value = unsafe functions.pointee.C_GetAttributeValue?(handle, object, &attribute, 1)
            unsafe length = attribute.ulValueLen
            return value
        }
        return (value, length)
    }

    /// What the token refuses to show a secret attribute with; nil where it would show it.
    ///
    /// Some tokens answer CKR_OK, and no length or none that is one (PKCS#11 v2.40 section 5.7): that shows nothing either.
    func refusalToShow(_ type: AttributeType, of object: CK_OBJECT_HANDLE) -> ReturnValue? {
        let (value, length) = lengthProbe(type, object)
        guard value == .ok else { return value }
        return length == 0 || length == P11_UNAVAILABLE_INFORMATION ? .ok : nil
    }

    private func length(of type: AttributeType, _ object: CK_OBJECT_HANDLE) throws(HSMError) -> Int? {
        let (value, length) = lengthProbe(type, object)
        if value == .attributeTypeInvalid || value == .attributeSensitive { return nil }
        guard value == .ok else { throw HSMError(.getAttributeValue, value) }
        return length == P11_UNAVAILABLE_INFORMATION ? nil : Int(clamping: length)
    }

    /// A Boolean attribute; nil as for `attribute`.
    func flag(_ type: AttributeType, of object: CK_OBJECT_HANDLE) throws(HSMError) -> Bool? {
        guard let bytes = try attribute(type, of: object) else { return nil }
        guard bytes.count == 1 else {
            throw HSMError(malformed: .getAttributeValue, "\(type.name) is no Boolean")
        }
        return bytes[0] != 0
    }

    /// An attribute that is a row of CK_ULONGs; empty as for `attribute`.
    func numbers(_ type: AttributeType, of object: CK_OBJECT_HANDLE) throws(HSMError) -> [CK_ULONG] {
        guard let bytes = try attribute(type, of: object) else { return [] }
        let size = MemoryLayout<CK_ULONG>.size
        guard bytes.count % size == 0 else {
            throw HSMError(malformed: .getAttributeValue, "\(type.name) is no row of numbers")
        }
        return stride(from: 0, to: bytes.count, by: size).map { start in
            CK_ULONG(littleEndian: bytes[start..<start + size].reversed().reduce(0) { $0 << 8 | CK_ULONG($1) })
        }
    }

    /// Tries to change an attribute (C_SetAttributeValue): only probes do, and want a refusal.
    func set(_ attribute: Attribute, of object: CK_OBJECT_HANDLE) -> ReturnValue {
        // Safety: the template is lent for the length of the call.
        unsafe module.returnValue { functions in
            // Safety: as above.
            unsafe [attribute].withTemplate { unsafe functions.pointee.C_SetAttributeValue?(handle, object, $0, $1) }
        }
    }

    /// Destroys an object for good.
    func destroy(_ object: CK_OBJECT_HANDLE) throws(HSMError) {
        // Safety: no pointers.
        try unsafe module.check(.destroyObject) { unsafe $0.pointee.C_DestroyObject?(handle, object) }
    }

    /// Makes a key pair (C_GenerateKeyPair).
    func generateKeyPair(
        _ mechanism: Mechanism, publicTemplate: [Attribute], privateTemplate: [Attribute]
    ) throws(HSMError) -> (publicKey: CK_OBJECT_HANDLE, privateKey: CK_OBJECT_HANDLE) {
        var publicKey = CK_OBJECT_HANDLE(CK_INVALID_HANDLE)
        var privateKey = CK_OBJECT_HANDLE(CK_INVALID_HANDLE)
        // Safety: mechanism and templates are lent for the length of the call; the handles are locals.
        try unsafe module.check(.generateKeyPair) { functions in
            // Safety: as above.
            unsafe mechanism.withPointer { mechanism in
                // Safety: as above.
                unsafe publicTemplate.withTemplate { publicAttributes, publicCount in
                    // Safety: as above.
                    unsafe privateTemplate.withTemplate { privateAttributes, privateCount in
                        // Safety: as above.
                        unsafe functions.pointee.C_GenerateKeyPair?(
                            handle, mechanism, publicAttributes, publicCount, privateAttributes, privateCount,
                            &publicKey, &privateKey)
                    }
                }
            }
        }
        return (publicKey, privateKey)
    }
}
