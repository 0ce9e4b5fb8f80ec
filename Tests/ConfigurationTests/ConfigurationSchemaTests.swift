import Foundation
import StrictEncoding
import Testing

@testable import VaultAppliance

@Suite struct ConfigurationSchemaTests {
    private func problems(_ text: String) throws -> [String] {
        let value = try #require(YAMLReader(YAMLSource(file: "config.yaml")).read(text))
        var check = JSONSchemaCheck()
        check.check(value.json, Configuration.schema, "")
        return check.problems
    }

    /// Paths of all properties, with `[]` for the elements of a list.
    private func properties(_ schema: JSONValue, _ path: String) -> Set<String> {
        if let items = schema.object?["items"] { return properties(items, path + "[]") }
        var paths: Set<String> = []
        for member in schema.object?["properties"]?.object?.members ?? [] {
            let name = path.isEmpty ? member.name : "\(path).\(member.name)"
            paths.insert(name)
            paths.formUnion(properties(member.value, name))
        }
        return paths
    }

    @Test func theSchemaAcceptsAFullConfiguration() throws {
        #expect(try problems(ConfigurationFixture.config) == [])
    }

    /// `config schema` is for editors, so its fields are part of what we promise: a change here is meant, or a mistake.
    @Test func theSchemaHasExactlyTheDocumentedFields() {
        let listener = ["host", "port", "key", "certificate", "external_url"]
        let expected: [String: [String]] = [
            "": [
                "version", "issuer", "listeners", "core", "hsm", "keys", "clients", "issuers", "targets", "policy",
                "audit", "limits",
            ],
            "listeners.": ["gateway", "public", "ops"], "listeners.gateway.": listener + ["client_ca"],
            "listeners.public.": listener, "listeners.ops.": ["host", "port"],
            "core.": [
                "front_socket", "admin_socket", "front_users", "admin_users", "manifest", "custody_directory",
                "custody", "on_call",
            ],
            "hsm.": ["module", "token", "pin_file", "lanes", "queue", "tokens"],
            "hsm.tokens[].": ["module", "token", "pin_file", "lanes", "queue"],
            "keys[].": ["label", "purpose", "alg", "types", "max_lifetime"],
            "clients[].": [
                "id", "auth", "san_uri", "san_dns", "subject_dn", "jwks_file", "jwks_uri", "jwks_ca", "jwks_refresh",
                "jwks_max_stale", "algorithms", "clock_skew",
                "assertion_lifetime", "introspects",
            ],
            "issuers[].": [
                "name", "issuer", "roles", "audiences", "algorithms", "jwks_file", "jwks_uri", "jwks_ca",
                "jwks_refresh",
                "jwks_max_stale", "max_subject_age", "clock_skew",
                "subject_prefix", "claims", "agent", "events_for",
            ],
            "issuers[].claims.": ["groups", "user"],
            "targets[].": [
                "name", "kind", "audience", "resources", "key", "scopes", "client_id", "subject", "session_tags",
            ],
            "targets[].session_tags[].": ["key", "value", "transitive"],
            "audit.": [
                "directory", "origin", "checkpoint_interval", "headroom", "strict", "last_checkpoint", "shard_entries",
                "shard_age", "max_clock_jump", "witnesses", "witness_quorum",
            ],
            "audit.witnesses[].": ["vkey", "url", "ca"],
            "limits.": [
                "request_bytes", "token_bytes", "connections", "requests_per_second", "replay_entries",
                "request_timeout", "delegation_depth",
            ],
        ]
        let fields = Set(expected.flatMap { path, names in names.map { path + $0 } })
        #expect(properties(Configuration.schema, "") == fields)
    }

    @Test func theSchemaHasItsIdentifierAndIsJSON() throws {
        let bytes = JSONWriter.compact(Configuration.schema)
        let schema = try JSONParser.parse(bytes)
        #expect(schema.object?["$schema"]?.string == "https://json-schema.org/draft/2020-12/schema")
        #expect(schema.object?["additionalProperties"]?.bool == false)
    }

    /// What the schema cannot say: references, forms that take more than a pattern, conditions between fields.
    private static let beyond: Set<String> = [
        "has an anchor", "has a tag", "has a name that is not plain text", "is not YAML", "stands twice",
        // YAML 1.2 reads this as 4.
        "must be 1...64, is 04",
    ]

    @Test(
        "what the schema refuses, the decoder refuses too, and of wrong types and missing fields the reverse holds",
        arguments: ConfigurationFaultTests.structure)
    func agreement(fault: FaultCase) throws {
        guard !ConfigurationSchemaTests.beyond.contains(where: { fault.message.hasPrefix($0) }) else { return }
        #expect(try !problems(fault.apply(to: ConfigurationFixture.config)).isEmpty)
    }

    @Test("the schema refuses no value that the decoder accepts", arguments: ["0s", "1h", "59s", "010s", "1d", "30"])
    func durations(text: String) throws {
        let config = ConfigurationFixture.config.replacingOccurrences(
            of: "clock_skew: 10s", with: "clock_skew: \(text)")
        let isDecoded = try ConfigurationFixture(config: config).faults().isEmpty
        let isAccepted = try problems(config).isEmpty
        #expect(isAccepted || !isDecoded)
    }
}
