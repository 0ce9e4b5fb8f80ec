import AsyncHTTPClient
import Minting
import NIOCore
import NIOHTTP1
import NIOSSL

/// Fetches one key set from its one address.
///
/// Bounded in time and size; TLS is verified against the given authorities; redirects, compression and other content types
/// are refused.
struct KeySetFetch: Sendable {
    let uri: String
    let algorithms: Set<JWSAlgorithm>
    /// How long the fetch may take, from the connection to the last byte.
    let patience: Duration

    /// What the address answers now.
    func keys(_ client: HTTPClient) async throws(KeySetFetchError) -> JSONWebKeySet {
        let bytes = try await body(client)
        do {
            return try JSONWebKeySet(parsing: bytes, algorithms: algorithms)
        } catch {
            throw KeySetFetchError(.keys(error.context))
        }
    }

    private func body(_ client: HTTPClient) async throws(KeySetFetchError) -> [UInt8] {
        var request = HTTPClientRequest(url: uri)
        request.headers.add(name: "accept", value: "application/jwk-set+json, application/json")
        do {
            return try await WholeAnswer.get(
                request, by: client, upTo: JSONWebKeySet.maximumBytes, within: patience
            ) { head in
                guard head.status == .ok else { throw KeySetFetchError(.status(head.status.code)) }
                guard Self.isJSON(head.headers["content-type"]) else { throw KeySetFetchError(.contentType) }
            }.body
        } catch let error as KeySetFetchError {
            throw error
        } catch is NIOTooManyBytesError {
            throw KeySetFetchError(.tooLarge)
        } catch {
            throw KeySetFetchError(.unreachable("\(error)"))
        }
    }

    /// Exactly one field, of one of the two types; parameters such as a charset are ignored.
    private static func isJSON(_ fields: [String]) -> Bool {
        guard fields.count == 1, let type = fields[0].split(separator: ";", omittingEmptySubsequences: false).first
        else {
            return false
        }
        let name = String(type.filter { $0 != " " && $0 != "\t" }).lowercased()
        return ["application/json", "application/jwk-set+json"].contains(name)
    }

    /// The client for one address: nothing of one party's connection is used for another's.
    static func configuration(authorities: [UInt8]?, patience: Duration) throws -> HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let authorities { tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(authorities)) }
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls, redirectConfiguration: .disallow)
        configuration.timeout = .init(connect: TimeAmount(patience), read: TimeAmount(patience))
        configuration.httpVersion = .http1Only
        configuration.decompression = .disabled
        return configuration
    }
}
