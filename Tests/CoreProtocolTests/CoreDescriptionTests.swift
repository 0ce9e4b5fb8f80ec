import CoreProtocol
import StrictEncoding
import Testing

@Suite struct CoreDescriptionTests {
    private static let description = CoreDescription(
        instance: "a1", appliance: "00112233445566778899aabbccddeeff", custody: "development", manifestVersion: 3,
        keys: [
            .init(
                label: "sign", kid: "kid-1", algorithm: "ES256", purpose: "signing", state: "active",
                jwk: JSONObject([.init(name: "kty", value: "EC")]), maximumLifetime: 300),
            .init(
                label: "tls", kid: "kid-2", algorithm: "ES256", purpose: "tls", state: "active",
                jwk: JSONObject([.init(name: "kty", value: "EC")]), maximumLifetime: nil, token: "00ff",
                isAvailable: false),
        ], faults: ["hsm: the token fails"], warnings: ["hsm b: is not open"],
        tokens: [
            .init(label: "a", serial: "00ff", isReady: true, figures: ["lanes": 2]),
            .init(label: "b", serial: nil, isReady: false, figures: [:]),
        ], figures: ["log_size": 7, "uptime_seconds": 0])

    @Test func aDescriptionTravelsUnchanged() throws {
        let bytes = JSONWriter.canonical(Self.description.json)
        #expect(CoreDescription(json: try JSONParser.parse(bytes)) == Self.description)
    }

    @Test(
        "a description without one of its members is not read",
        arguments: [
            "instance", "appliance", "custody", "manifest_version", "keys", "faults", "warnings", "tokens", "figures",
        ])
    func members(name: String) throws {
        var object = try #require(Self.description.json.object)
        object[name] = nil
        #expect(CoreDescription(json: .object(object)) == nil)
    }

    @Test(
        "a key without one of its members is not read",
        arguments: ["label", "kid", "alg", "purpose", "state", "jwk", "token", "available"])
    func keyMembers(name: String) throws {
        var object = try #require(Self.description.json.object)
        var key = try #require(object["keys"]?.array?.first?.object)
        key[name] = nil
        object["keys"] = [.object(key)]
        #expect(CoreDescription(json: .object(object)) == nil)
    }
}
