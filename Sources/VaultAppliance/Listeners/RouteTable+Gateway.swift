import HTTPTypes
import HummingbirdCore
import NIOCore

extension RouteTable {
    /// The routes of the gateway listener: the token endpoint at `/oauth2/token` and its alias `/token`.
    package static func gateway(
        token: @escaping @Sendable (GatewayRequest) async -> GatewayResponse
    ) -> RouteTable {
        var table = RouteTable()
        for path in ["/oauth2/token", "/token"] { table.form(path, handler: token) }
        return table
    }

    /// Adds a `POST` route that takes a form body.
    ///
    /// Source: RFC 6749 section 3.2 and appendix B.
    package mutating func form(
        _ path: String, handler: @escaping @Sendable (GatewayRequest) async -> GatewayResponse
    ) {
        on(path, [.post]) { request, context throws(Refusal) in
            guard request.uri.query == nil else { throw .queryNotAllowed }
            let contentType = request.headers[.contentType]
            guard Self.isForm(contentType) else { throw .wrongContentType }
            let gatewayRequest = GatewayRequest(
                path: path, bodyBytes: try await Self.body(of: request, upTo: context.requestBytes),
                contentType: contentType, dpop: Self.proofs(request.headers),
                hasAuthorization: request.headers[.authorization] != nil,
                authorizationScheme: request.headers[.authorization].flatMap(Self.scheme), peer: context.peer,
                requestID: context.requestID, remoteAddress: context.remoteAddress, deadline: context.deadline)
            return await handler(gatewayRequest).response
        }
    }

    /// The values of the `DPoP` fields, one for each field.
    private static func proofs(_ fields: HTTPFields) -> [String] {
        fields.filter { $0.name.canonicalName == "dpop" }.map(\.value)
    }

    /// The scheme of an `Authorization` field (RFC 9110 section 11.6.2), if it can be repeated as it stands.
    private static func scheme(_ authorization: String) -> String? {
        guard let scheme = authorization.split(separator: " ").first, scheme.utf8.count <= 32,
            scheme.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") })
        else { return nil }
        return String(scheme)
    }

    /// Whether a `Content-Type` names the form type; parameters such as a charset are ignored.
    private static func isForm(_ contentType: String?) -> Bool {
        guard let contentType, let type = contentType.split(separator: ";", omittingEmptySubsequences: false).first
        else { return false }
        var bytes = Array(type.utf8)
        while let last = bytes.last, last == UInt8(ascii: " ") || last == UInt8(ascii: "\t") { bytes.removeLast() }
        let lowered = bytes.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }
        return lowered.elementsEqual("application/x-www-form-urlencoded".utf8)
    }

    static func body(of request: Request, upTo maximum: Int) async throws(Refusal) -> [UInt8] {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > maximum { throw .bodyTooLarge }
        do {
            return Array(try await request.body.collect(upTo: maximum).readableBytesView)
        } catch is NIOTooManyBytesError {
            throw .bodyTooLarge
        } catch {
            // The connection broke in the body: what came of it must not be taken for the whole.
            throw .malformedMessage
        }
    }
}
