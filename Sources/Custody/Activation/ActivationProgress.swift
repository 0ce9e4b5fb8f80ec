package import StrictEncoding

/// Where a request for shares stands; says who, never what.
package struct ActivationProgress: Sendable {
    package let request: ActivationRequest
    /// The host key's signature over the request's file.
    package let signature: String
    /// Custodians whose share is here.
    package let contributed: [String]
    /// Custodians whose share is not.
    package let missing: [String]
    /// How many it takes.
    package let threshold: Int

    /// For status and commands.
    package var json: JSONValue {
        [
            "ceremony": request.ceremony.map { .string($0) } ?? .null,
            "request": .string(request.hash), "words": .string(request.words),
            "expires": .string(request.expires.rfc3339),
            "contributed": .array(contributed.map { .string($0) }),
            "missing": .array(missing.map { .string($0) }), "threshold": .integer(Int64(threshold)),
            "file": .string(String(decoding: request.bytes, as: UTF8.self)), "signature": .string(signature),
            "needed": .integer(Int64(max(0, threshold - contributed.count))),
        ]
    }
}
