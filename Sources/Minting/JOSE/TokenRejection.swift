/// Why an inbound token was not accepted.
///
/// For the log: codes and names from our own vocabulary, never a value from the token.
package struct TokenRejection: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong.
    package enum Code: Sendable, Hashable {
        /// Not two dots between three parts of base64url, or not strict JSON objects.
        case malformed
        /// More bytes than a token may have.
        case tooLong
        /// A header member of the wrong type or form; the name is one of `alg`, `kid`, `typ`, `jwk`.
        case badHeader(String)
        /// A header member that must not stand in a token of ours; the name is from our own list.
        case unsupportedHeader(String)
        /// `iss` is not the string of a configured issuer.
        case unknownIssuer
        /// The issuer is not trusted in the role the token was presented in.
        case issuerNotInRole
        /// `iss` is not the id of a client that proves itself with assertions.
        case unknownClient
        /// The issuer has no key with this `kid`.
        case unknownKey
        /// The issuer's keys could not be fetched, or not for too long.
        case keysUnavailable
        /// `alg` is not the one the key is pinned to.
        case algorithmMismatch
        /// The signature does not verify.
        case badSignature
        /// `typ` is that of a token for another purpose.
        case wrongType
        /// `aud` names none of the issuer's configured audiences.
        case wrongAudience
        /// `exp` has passed.
        case expired
        /// `nbf` is still to come.
        case notYetValid
        /// `iat` is still to come.
        case issuedInFuture
        /// `iat` is longer ago than the issuer's tokens may be old.
        case tooOld
        /// `exp` is longer after `iat` than it may be.
        case livesTooLong
        /// It was revoked (RFC 7009).
        case revoked
        /// A claim that must be there is not.
        case missingClaim(String)
        /// A claim of the wrong type, form or size.
        case badClaim(String)
    }

    /// What is wrong.
    package let code: Code

    /// A rejection.
    package init(_ code: Code) { self.code = code }

    /// One line for the log.
    package var description: String {
        switch code {
        case .malformed: "is not a JWS of strict JSON"
        case .tooLong: "is too long"
        case .badHeader(let name): "header \(name) is missing or not acceptable"
        case .unsupportedHeader(let name): "header \(name) is not supported"
        case .unknownIssuer: "iss is not a configured issuer"
        case .issuerNotInRole: "its issuer is not trusted in this role"
        case .unknownClient: "iss is no client that uses assertions"
        case .keysUnavailable: "the keys of its issuer are not to be had: look at its jwks_uri"
        case .unknownKey: "kid is not a key of its issuer"
        case .algorithmMismatch: "alg is not the one of its key"
        case .badSignature: "its signature does not verify"
        case .wrongType: "typ is that of another kind of token"
        case .wrongAudience: "aud does not name this appliance"
        case .expired: "has expired"
        case .notYetValid: "is not valid yet"
        case .issuedInFuture: "iat is in the future"
        case .tooOld: "was issued too long ago"
        case .livesTooLong: "exp is too long after iat"
        case .revoked: "was revoked"
        case .missingClaim(let name): "claim \(name) is missing"
        case .badClaim(let name): "claim \(name) is not acceptable"
        }
    }
}
