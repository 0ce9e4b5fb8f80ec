internal import CPKCS11

extension Session {
    /// Reads the public key of an object that has it: a public key, or for RSA a private key too.
    func publicKey(of object: CK_OBJECT_HANDLE, algorithm: KeyAlgorithm) throws(HSMError) -> PublicKey {
        switch algorithm {
        case .rs256, .ps256, .rsaOAEP, .rsaOAEP256:
            guard let modulus = try attribute(.modulus, of: object),
                let exponent = try attribute(.publicExponent, of: object)
            else { throw HSMError(malformed: .getAttributeValue, "no modulus or exponent") }
            return .rsa(modulus: PublicKey.trimmed(modulus), exponent: PublicKey.trimmed(exponent))
        case .es256, .es384, .edDSA:
            guard let curve = try attribute(.ecParameters, of: object), algorithm.isCurve(curve) else {
                throw HSMError(.keyMismatch, context: "CKA_EC_PARAMS")
            }
            guard let point = try attribute(.ecPoint, of: object) else {
                throw HSMError(malformed: .getAttributeValue, "no CKA_EC_POINT")
            }
            return try publicKey(point: point, algorithm: algorithm)
        }
    }

    /// CKA_EC_POINT is a DER OCTET STRING by PKCS#11 v2.40 section 2.3.3, and bare on some tokens and in v3 for Edwards.
    private func publicKey(point: [UInt8], algorithm: KeyAlgorithm) throws(HSMError) -> PublicKey {
        let length =
            switch algorithm {
            case .es256: 65
            case .es384: 97
            default: 32
            }
        var bare = point
        if point.count == length + 2 {
            guard point[0] == 0x04, point[1] == UInt8(length) else {
                throw HSMError(malformed: .getAttributeValue, "CKA_EC_POINT is no OCTET STRING")
            }
            bare = Array(point.dropFirst(2))
        }
        guard bare.count == length else { throw HSMError(malformed: .getAttributeValue, "CKA_EC_POINT") }
        if algorithm == .edDSA { return .ed25519(bare) }
        guard let key = PublicKey(uncompressedPoint: bare) else {
            throw HSMError(malformed: .getAttributeValue, "CKA_EC_POINT is not uncompressed")
        }
        return key
    }
}
