internal import CPKCS11

/// A mechanism with its parameter (CK_MECHANISM; PKCS#11 v2.40 mechanisms specification).
enum Mechanism: Sendable, Hashable {
    /// A mechanism without a parameter.
    case plain(MechanismType)
    /// CKM_RSA_PKCS_PSS over a SHA-256 digest, MGF1 with SHA-256, salt of 32 bytes (RFC 7518 section 3.5).
    case pssSHA256
    /// CKM_RSA_PKCS_OAEP with one hash throughout and an empty label (RFC 8017 section 7.1).
    case oaep(OAEPHash)

    var type: MechanismType {
        switch self {
        case .plain(let type): type
        case .pssSHA256: .rsaPSS
        case .oaep: .rsaOAEP
        }
    }

    /// Calls `body` with the mechanism as C wants it; the pointers live exactly as long as the call.
    func withPointer<Answer>(_ body: (UnsafeMutablePointer<CK_MECHANISM>) -> Answer) -> Answer {
        switch self {
        case .plain(let type):
            // Safety: no parameter, so no pointer; `body` gets the address of a local for the length of the call.
            var mechanism = unsafe CK_MECHANISM(mechanism: type.rawValue, pParameter: nil, ulParameterLen: 0)
            // Safety: as above.
            return unsafe body(&mechanism)
        case .pssSHA256:
            var parameter = CK_RSA_PKCS_PSS_PARAMS(
                hashAlg: CKM_SHA256, mgf: CK_RSA_PKCS_MGF_TYPE(CKG_MGF1_SHA256), sLen: 32)
            // Safety: the parameter outlives the closure, and the mechanism lives inside it.
            return unsafe withUnsafeMutableBytes(of: &parameter) { bytes in
                // Safety: as above.
                var mechanism = unsafe CK_MECHANISM(
                    mechanism: CKM_RSA_PKCS_PSS, pParameter: bytes.baseAddress, ulParameterLen: CK_ULONG(bytes.count))
                // Safety: as above.
                return unsafe body(&mechanism)
            }
        case .oaep(let hash):
            // Safety: an empty label, so the parameter holds no pointer of its own.
            var parameter = unsafe CK_RSA_PKCS_OAEP_PARAMS(
                hashAlg: hash == .sha1 ? CKM_SHA_1 : CKM_SHA256,
                mgf: CK_RSA_PKCS_MGF_TYPE(hash == .sha1 ? CKG_MGF1_SHA1 : CKG_MGF1_SHA256),
                source: CK_RSA_PKCS_OAEP_SOURCE_TYPE(CKZ_DATA_SPECIFIED), pSourceData: nil, ulSourceDataLen: 0)
            // Safety: the parameter outlives the closure, and the mechanism lives inside it.
            return unsafe withUnsafeMutableBytes(of: &parameter) { bytes in
                // Safety: as above.
                var mechanism = unsafe CK_MECHANISM(
                    mechanism: CKM_RSA_PKCS_OAEP, pParameter: bytes.baseAddress, ulParameterLen: CK_ULONG(bytes.count))
                // Safety: as above.
                return unsafe body(&mechanism)
            }
        }
    }
}
