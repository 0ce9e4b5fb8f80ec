import Foundation
import Testing

@testable import VaultAppliance

/// Every kind of fault of a configuration file, with its field and line.
@Suite struct ConfigurationFaultTests {
    private static let https = "must be an https URL without query, fragment and slash at its end"
    private static let witnessURL =
        "must be an https URL, or an http URL of a loopback address, without query and slash at its end"
    private static let slashed = "must be an https URL without query and with a slash at its end"
    private static let visible = "must be visible ASCII without spaces"
    private static let uri = "must be a PKCS#11 URI of token, serial, manufacturer or model, and nothing else"
    private static let twice = "stands twice"

    static let structure: [FaultCase] = [
        .init("version: 1\n", "version: 2 # HERE\n", "version", "must be 1...1, is 2"),
        .init("version: 1\n", "version: \"1\" # HERE\n", "version", "must be 1...1, is text"),
        .init("version: 1\n", "# HERE\n", "version", "is missing"),
        .init(
            "policy: policy.yaml", "polizy: policy.yaml # HERE\npolicy: policy.yaml", "polizy", "is not a known field"),
        .init(
            "  gateway:\n    host: 127.0.0.1\n    port: 8443", "  gateway: # HERE\n    host: 127.0.0.1",
            "listeners.gateway.port", "is missing"),
        .init("    port: 8443", "    prot: 1 # HERE\n    port: 8443", "listeners.gateway.prot", "is not a known field"),
        .init(
            "  ops: {host: 127.0.0.1, port: 8445}", "  ops: here # HERE", "listeners.ops", "must be a mapping, is text"),
        .init(
            "  ops: {host: 127.0.0.1, port: 8445}", "  ops: # HERE", "listeners.ops", "must be a mapping, is nothing"),
        .init("admin_users: [root]", "admin_users: root # HERE", "core.admin_users", "must be a list, is text"),
        .init("admin_users: [root]", "admin_users: [] # HERE", "core.admin_users", "is empty"),
        .init("admin_users: [root]", "admin_users: [a, a] # HERE", "core.admin_users[1]", twice),
        .init("issuer: https://vault.acme.example\n", "issuer: 7 # HERE\n", "issuer", "must be text, is a number"),
        .init("issuer: https://vault.acme.example\n", "issuer: true # HERE\n", "issuer", "must be text, is a Boolean"),
        .init("issuer: https://vault.acme.example\n", "issuer: ~ # HERE\n", "issuer", "must be text, is nothing"),
        .init("issuer: https://vault.acme.example\n", "issuer: [a] # HERE\n", "issuer", "must be text, is a list"),
        .init("lanes: 4", "lanes: {a: 1} # HERE", "hsm.lanes", "must be 1...64, is a mapping"),
        .init("lanes: 4", "lanes: 4\n  lanes: 5", "lanes", "stands twice in one mapping"),
        .init("lanes: 4", "lanes: 0x4 # HERE", "hsm.lanes", "must be 1...64, is 0x4"),
        .init("lanes: 4", "lanes: 04 # HERE", "hsm.lanes", "must be 1...64, is 04"),
        .init("lanes: 4", "lanes: 4.0 # HERE", "hsm.lanes", "must be 1...64, is 4.0"),
        .init("lanes: 4", "lanes: -4 # HERE", "hsm.lanes", "must be 1...64, is -4"),
        .init("lanes: 4", "lanes: 99999999999999999999 # HERE", "hsm.lanes", "must be 1...64, is 99999999999999999999"),
        .init("lanes: 4", "lanes: &a 4 # HERE", "hsm.lanes", "has an anchor"),
        .init("admin_users: [root]", "admin_users: &a [root] # HERE", "core.admin_users", "has an anchor"),
        .init("hsm:\n", "hsm: &a # HERE\n", "hsm", "has an anchor"),
        .init("lanes: 4", "lanes: !!int 4 # HERE", "hsm.lanes", "has a tag"),
        .init("lanes: 4", "lanes: !!str 4 # HERE", "hsm.lanes", "has a tag"),
        .init("lanes: 4", "lanes: ! 4 # HERE", "hsm.lanes", "has a tag"),
        .init("admin_users: [root]", "admin_users: !!seq [root] # HERE", "core.admin_users", "has a tag"),
        .init("lanes: 4", "lanes: 4\n  7: 8 # HERE", "hsm.7", "is not a known field"),
        .init("lanes: 4", "lanes: 4\n  ? [a] # HERE\n  : 8", "hsm", "has a name that is not plain text"),
        .init("version: 1\n", "version: *a # HERE\n", "", "is not YAML: found undefined alias"),
        .init("version: 1\n", "version: 1\n---\nversion: 1\n", "", "is not YAML: but found another document"),
        .init("lanes: 4", "lanes: [4", "", "is not YAML: did not find expected ',' or ']'"),
    ]

    static let values: [FaultCase] = [
        .init("port: 8443", "port: 70000 # HERE", "listeners.gateway.port", "must be 1...65535, is 70000"),
        .init("port: 8443", "port: 0 # HERE", "listeners.gateway.port", "must be 1...65535, is 0"),
        .init("port: 8443", "port: \"8443\" # HERE", "listeners.gateway.port", "must be 1...65535, is text"),
        .init("issuer: https://vault.acme.example\n", "issuer: http://vault.acme.example # HERE\n", "issuer", https),
        .init("issuer: https://vault.acme.example\n", "issuer: https://vault.acme.example/ # HERE\n", "issuer", https),
        .init(
            "issuer: https://vault.acme.example\n", "issuer: https://vault.acme.example/a?b # HERE\n", "issuer", https),
        .init("issuer: https://vault.acme.example\n", "issuer: https://Vault.acme.example # HERE\n", "issuer", https),
        .init("issuer: https://vault.acme.example\n", "issuer: https://a@vault.acme.example # HERE\n", "issuer", https),
        .init("acme.example:8443", "acme.example:8443/ # HERE", "listeners.gateway.external_url", https),
        .init(
            "    host: 127.0.0.1\n    port: 8443", "    host: a b # HERE\n    port: 8443", "listeners.gateway.host",
            "must be an IP address or a host name"),
        .init(
            "{host: 127.0.0.1, port: 8445}", "{host: 0.0.0.0, port: 8445} # HERE", "listeners.ops.host",
            "must be a loopback address"),
        .init(
            "{host: 127.0.0.1, port: 8445}", "{host: localhost, port: 8445} # HERE", "listeners.ops.host",
            "must be a loopback address"),
        .init(
            "{host: 127.0.0.1, port: 8445}", "{host: 127.0.0.01, port: 8445} # HERE", "listeners.ops.host",
            "must be a loopback address"),
        .init(
            "[vault-front, 998]", "[vault-front, \"Ops Team\"] # HERE", "core.front_users[1]",
            "must be a user name or a numeric id"),
        .init(
            "[vault-front, 998]", "[4294967296] # HERE", "core.front_users[0]", "must be a user name or a numeric id"),
        .init("custody: development", "custody: none # HERE", "core.custody", "must be one of development, quorum"),
        .init("pkcs11:token=vault-dev", "\"pkcs11:token=a?pin-value=1\" # HERE", "hsm.token", uri),
        .init("pkcs11:token=vault-dev", "\"pkcs11:slot-id=1\" # HERE", "hsm.token", uri),
        .init("pkcs11:token=vault-dev", "\"pkcs11:model=a\" # HERE", "hsm.token", uri),
        .init("pkcs11:token=vault-dev", "\"pkcs11:token=a;token=b\" # HERE", "hsm.token", uri),
        .init("pkcs11:token=vault-dev", "\"pkcs11:\" # HERE", "hsm.token", uri),
        .init("pkcs11:token=vault-dev", "vault-dev # HERE", "hsm.token", uri),
        .init("pin_file: pin", "pin_file: \"\" # HERE", "hsm.pin_file", "must be a path"),
        .init("pin_file: pin", "pin_file: \"a\\tb\" # HERE", "hsm.pin_file", "must be a path"),
        .init("queue: 512", "queue: 0 # HERE", "hsm.queue", "must be 1...65536, is 0"),
        .init(
            "label: sign-es256\n", "label: \"sign es256\" # HERE\n", "keys[0].label",
            "must be 1 to 64 letters, digits, '.', '_' or '-'"),
        .init(
            "purpose: signing\n", "purpose: master # HERE\n", "keys[0].purpose",
            "must be one of signing, checkpoint, tls, kek"),
        .init(
            "    alg: ES256\n", "    alg: ES512 # HERE\n", "keys[0].alg",
            "must be one of ES256, EdDSA, RS256, PS256, RSA-OAEP, RSA-OAEP-256"),
        .init(
            "    alg: ES256\n", "    alg: none # HERE\n", "keys[0].alg",
            "must be one of ES256, EdDSA, RS256, PS256, RSA-OAEP, RSA-OAEP-256"),
        .init("max_lifetime: 300s", "max_lifetime: 300 # HERE", "keys[0].max_lifetime", "must be a duration"),
        .init("max_lifetime: 300s", "max_lifetime: 0s # HERE", "keys[0].max_lifetime", "must be 1s to 24h, is 0s"),
        .init("max_lifetime: 300s", "max_lifetime: 25h # HERE", "keys[0].max_lifetime", "must be 1s to 24h, is 25h"),
        .init("max_lifetime: 300s", "max_lifetime: 1d # HERE", "keys[0].max_lifetime", "must be a duration"),
        .init("max_lifetime: 300s", "max_lifetime: 1h30m # HERE", "keys[0].max_lifetime", "must be a duration"),
        .init("max_lifetime: 300s", "max_lifetime: -1s # HERE", "keys[0].max_lifetime", "must be a duration"),
        .init(
            "max_lifetime: 300s", "max_lifetime: 99999999999999h # HERE", "keys[0].max_lifetime", "must be a duration"),
        .init(
            "id: gateway-mcp, auth: tls_client_auth", "id: \"gateway mcp\", auth: tls_client_auth # HERE\n    ",
            "clients[0].id", visible),
        .init(
            "id: gateway-mcp, auth: tls_client_auth", "id: \"\\u212A\", auth: tls_client_auth # HERE\n    ",
            "clients[0].id", visible),
        .init(
            "id: gateway-mcp, auth: tls_client_auth", "id: gateway-mcp, auth: client_secret_basic # HERE\n    ",
            "clients[0].auth", "must be one of tls_client_auth, private_key_jwt"),
        .init(
            "san_dns: gateway.acme.example", "san_dns: Gateway.acme.example # HERE\n    ", "clients[1].san_dns",
            "must be a DNS name in lower case"),
        .init(
            "san_dns: gateway.acme.example", "san_dns: \"*.acme.example\" # HERE\n    ", "clients[1].san_dns",
            "must be a DNS name in lower case"),
        .init(
            "subject_dn: \"CN=gateway,O=Acme Corp\"", "subject_dn: \" CN=gateway\" # HERE\n    ",
            "clients[2].subject_dn", "must be printable ASCII"),
        .init(
            "roles: [subject]", "roles: [subject, admin] # HERE", "issuers[0].roles[1]",
            "must be one of subject, actor, client, partner, events"),
        .init(
            "san_dns: gateway.acme.example", "san_dns: gateway.acme.example, introspects: [crm] # HERE\n    ",
            "clients[1].introspects[0]", "names no target"),
        .init(
            "roles: [subject]", "roles: [subject]\n    events_for: [corp] # HERE", "issuers[0].events_for",
            "belongs to issuers with the role events"),
        .init(
            "name: agents\n    issuer: https://agents.acme.example\n    roles: [actor]",
            "name: agents # HERE\n    issuer: https://agents.acme.example\n    roles: [actor, events]",
            "issuers[1].events_for", "is missing"),
        .init(
            "roles: [actor]", "roles: [actor, events]\n    events_for: [agents] # HERE", "issuers[1].events_for[0]",
            "names no issuer with the role subject"),
        .init(
            "algorithms: [ES256, RS256]", "algorithms: [ES256, HS256] # HERE", "issuers[0].algorithms[1]",
            "must be one of ES256, RS256, PS256, EdDSA"),
        .init("algorithms: [ES256, RS256]", "algorithms: [] # HERE", "issuers[0].algorithms", "is empty"),
        .init("    clock_skew: 10s", "    clock_skew: 61s # HERE", "issuers[0].clock_skew", "must be 0s to 1m, is 61s"),
        .init(
            "agent: actor_token", "agent: azp # HERE", "issuers[0].agent",
            "must be one of actor_token, subject_act, subject_azp, caller_spiffe"),
        .init(
            "claims: {groups: groups}", "claims: {groups: groups, roles: r} # HERE", "issuers[0].claims.roles",
            "is not a known field"),
        .init("claims: {groups: groups}", "claims: {groups: \"a b\"} # HERE", "issuers[0].claims.groups", visible),
        .init(
            "    kind: jwt\n", "    kind: saml # HERE\n", "targets[0].kind",
            "must be one of jwt, txn_token, id_jag, oidc"),
        .init(
            "[\"https://demo-api.acme.example/\"]", "[\"https://demo-api.acme.example\"] # HERE",
            "targets[0].resources[0]", slashed),
        .init(
            "[\"https://demo-api.acme.example/\"]", "[\"https://demo-api.acme.example/a/../\"] # HERE",
            "targets[0].resources[0]", slashed),
        .init(
            "scopes: [bill]", "scopes: [\"a b\"] # HERE\n    ", "targets[1].scopes[0]", "must be a scope without spaces"
        ),
        .init(
            "origin: vault.acme.example/log", "origin: \"a+b\" # HERE", "audit.origin",
            "must be visible ASCII without spaces and '+'"),
        .init(
            "checkpoint_interval: 2s", "checkpoint_interval: 6m # HERE", "audit.checkpoint_interval",
            "must be 1s to 5m, is 6m"),
        .init("strict: true", "strict: yes # HERE", "audit.strict", "must be true or false, is text"),
        .init(
            "last_checkpoint: /mnt/other/log.last", "last_checkpoint: log/last # HERE", "audit.last_checkpoint",
            "is in the log's directory, with which it would be put back"),
        .init(
            "shard_entries: 1000000", "shard_entries: 10 # HERE", "audit.shard_entries",
            "must be 1000...1000000000, is 10"),
        .init("shard_age: 720h", "shard_age: 5s # HERE", "audit.shard_age", "must be 1h to 87600h, is 5s"),
        .init(
            "max_clock_jump: 10m", "max_clock_jump: 1s # HERE", "audit.max_clock_jump", "must be 1m to 24h, is 1s"),
        .init(
            "url: \"https://witness.acme.example/w1\", ca: witness-ca.pem}",
            "url: \"http://witness.acme.example/w1\", ca: witness-ca.pem} # HERE",
            "audit.witnesses[0].url", witnessURL),
        .init(
            "url: http://127.0.0.1:8470",
            "url: http://localhost:8470 # HERE",
            "audit.witnesses[1].url", witnessURL),
        .init(
            "url: http://127.0.0.1:8470",
            "url: http://127.0.0.1.example:8470 # HERE",
            "audit.witnesses[1].url", witnessURL),
        .init(
            "url: http://127.0.0.1:8470",
            "url: http://127.0.0.1:8470/ # HERE",
            "audit.witnesses[1].url", witnessURL),
        .init(
            "url: http://127.0.0.1:8470",
            "url: http://127.0.0.1:8470\n      ca: a.pem # HERE",
            "audit.witnesses[1].ca", "belongs to an https URL"),
        .init(
            "vkey: witness.example/w2+a891afea+BNUPBtTYb2IAXVicAqFbq3eZc357sw0q18qsQWMB8+7Q",
            "vkey: witness.example/w2+a891afea+BNUPBtTYb2IAXVicAqFbq3eZc357sw0q18qsQWMB8+BQ # HERE",
            "audit.witnesses[1].vkey", "is no witness's key: the key ID is not the key's"),
        .init(
            "vkey: witness.example/w2+a891afea+BNUPBtTYb2IAXVicAqFbq3eZc357sw0q18qsQWMB8+7Q",
            "vkey: example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k # HERE",
            "audit.witnesses[1].vkey", "is no witness's key: its type is not 4, that of Ed25519 cosignatures"),
        .init(
            "vkey: witness.example/w2+a891afea+BNUPBtTYb2IAXVicAqFbq3eZc357sw0q18qsQWMB8+7Q",
            "vkey: witness.example/w1+58380dee+BJ0sjb9vZ/fEKqFHPEErnh3tmece0Qvv/o+rT5hKTpoG # HERE",
            "audit.witnesses[1].vkey", "is that of another witness too"),
        .init(
            "witness_quorum: 2",
            "witness_quorum: 0 # HERE",
            "audit.witness_quorum", "must be 1...16, is 0"),
        .init(
            "witness_quorum: 2",
            "witness_quorum: 3 # HERE",
            "audit.witness_quorum", "is more than there are witnesses"),
        .init("headroom: 1GiB", "headroom: 1GB # HERE", "audit.headroom", "must be a size"),
        .init("headroom: 1GiB", "headroom: 1KiB # HERE", "audit.headroom", "must be 1MiB to 1024GiB, is 1KiB"),
        .init("request_bytes: 32KiB", "request_bytes: 0 # HERE", "limits.request_bytes", "must be 1KiB to 1MiB, is 0"),
        .init("connections: 10", "connections: 0 # HERE", "limits.connections", "must be 1...65536, is 0"),
        .init("request_timeout: 5s", "request_timeout: 5 # HERE", "limits.request_timeout", "must be a duration"),
    ]

    static let crossings: [FaultCase] = [
        .init(
            "    port: 8444", "    port: 8443 # HERE", "listeners.public.port", "is the port of another listener too"),
        .init(
            "    key: tls-gateway", "    key: sign-es256 # HERE", "listeners.gateway.key",
            "names no key with purpose tls"),
        .init("    key: tls-public", "    key: absent # HERE", "listeners.public.key", "names no key with purpose tls"),
        .init(
            "admin_socket: run/admin.sock", "admin_socket: run/front.sock # HERE", "core.admin_socket",
            "is the front's socket too"),
        .init(
            "manifest: manifest.json\n  custody: development\nhsm:\n",
            "custody_directory: custody\n  custody: quorum\nhsm:\n", "hsm.pin_file", "is only for custody: development"),
        .init(
            "manifest: manifest.json", "manifest: manifest.json\n  custody_directory: custody # HERE",
            "core.custody_directory", "is only for custody: quorum"),
        .init("  manifest: manifest.json\n", "", "core.manifest", "is missing"),
        .init("{label: other,", "{label: sign-es256, # HERE\n    ", "keys[1].label", twice),
        .init(
            "{label: checkpoint, purpose: checkpoint, alg: EdDSA}", "{label: checkpoint, purpose: tls, alg: ES256}",
            "keys", "has no checkpoint key"),
        .init(
            "{label: checkpoint, purpose: checkpoint, alg: EdDSA}",
            "{label: checkpoint, purpose: checkpoint, alg: RS256} # HERE", "keys[2].alg",
            "must be EdDSA or ES256 for a checkpoint key"),
        .init(
            "{label: checkpoint, purpose: checkpoint, alg: EdDSA}",
            "{label: checkpoint, purpose: checkpoint, alg: EdDSA}\n  - {label: two, purpose: checkpoint, alg: EdDSA} # HERE",
            "keys[3].purpose", "makes a second checkpoint key"),
        .init(
            "{label: tls-public, purpose: tls, alg: ES256}", "{label: tls-public, purpose: tls, alg: RS256} # HERE",
            "keys[4].alg", "must be ES256 for a TLS key"),
        .init(
            "{label: tls-public, purpose: tls, alg: ES256}",
            "{label: tls-public, purpose: tls, alg: ES256, types: [\"at+jwt\"]} # HERE", "keys[4].types",
            "belongs to signing keys alone"),
        .init(
            "{label: tls-public, purpose: tls, alg: ES256}",
            "{label: tls-public, purpose: tls, alg: ES256, max_lifetime: 1s} # HERE", "keys[4].max_lifetime",
            "belongs to signing keys alone"),
        .init(
            "{label: tls-public, purpose: tls, alg: ES256}", "{label: tls-public, purpose: tls, alg: RSA-OAEP} # HERE",
            "keys[4].alg", "is for kek keys alone"),
        .init(
            "{label: tls-public, purpose: tls, alg: ES256}",
            "{label: tls-public, purpose: tls, alg: ES256}\n  - {label: kek, purpose: kek, alg: RS256} # HERE",
            "keys[5].alg", "must be RSA-OAEP-256 or RSA-OAEP for a kek key"),
        .init("    types: [\"at+jwt\"]\n", "", "keys[0].types", "is missing"),
        .init("    max_lifetime: 300s\n", "", "keys[0].max_lifetime", "is missing"),
        .init("{id: gateway-dns,", "{id: gateway-mcp, # HERE\n    ", "clients[1].id", "identifies another client too"),
        .init(
            "{id: gateway-dns,", "{id: \"spiffe://acme.example/gateway/mcp\", # HERE\n    ", "clients[1].id",
            "identifies another client too"),
        .init(
            "san_dns: gateway.acme.example", "san_uri: \"spiffe://acme.example/gateway/mcp\" # HERE\n    ",
            "clients[1].san_uri", "identifies another client too"),
        .init(", san_dns: gateway.acme.example", "", "clients[1].san_uri", "is missing"),
        .init(
            "san_dns: gateway.acme.example", "san_dns: gateway.acme.example, subject_dn: CN=a # HERE\n    ",
            "clients[1].subject_dn", "is one name too many"),
        .init(
            "san_dns: gateway.acme.example", "san_dns: gateway.acme.example, jwks_file: idp.json # HERE\n    ",
            "clients[1].jwks_file", "belongs to clients with auth private_key_jwt"),
        .init(
            "{id: gateway-dns, auth: tls_client_auth, san_dns: gateway.acme.example}",
            "{id: gateway-dns, auth: private_key_jwt, jwks_file: agents-jwks.json} # HERE", "clients[1].algorithms",
            "is missing"),
        .init(
            "{id: gateway-dns, auth: tls_client_auth, san_dns: gateway.acme.example}",
            "{id: gateway-dns, auth: private_key_jwt, algorithms: [ES256]} # HERE", "clients[1].jwks_file",
            "is missing, and so is jwks_uri"),
        .init(
            "    jwks_file: idp-jwks.json\n",
            "    jwks_file: idp-jwks.json\n    jwks_uri: https://idp.acme.example/jwks # HERE\n", "issuers[0].jwks_uri",
            "stands beside jwks_file"),
        .init(
            "    jwks_file: idp-jwks.json\n", "    jwks_file: idp-jwks.json\n    jwks_ca: ca.pem # HERE\n",
            "issuers[0].jwks_ca", "belongs to jwks_uri"),
        .init(
            "jwks_file: idp-jwks.json", "jwks_uri: http://idp.acme.example/jwks # HERE", "issuers[0].jwks_uri",
            "must be an https URL without query, fragment and slash at its end"),
        .init(
            "jwks_file: idp-jwks.json", "jwks_uri: https://idp.acme.example/jwks\n    jwks_ca: absent.pem # HERE",
            "issuers[0].jwks_ca", "there is no such file"),
        .init(
            "jwks_file: idp-jwks.json", "jwks_uri: https://idp.acme.example/jwks\n    jwks_ca: idp-jwks.json # HERE",
            "issuers[0].jwks_ca", "holds no certificate in PEM"),
        .init(
            "jwks_file: idp-jwks.json", "jwks_uri: https://idp.acme.example/jwks\n    jwks_refresh: 2h # HERE",
            "issuers[0].jwks_refresh", "lets the keys lapse before they are fetched again"),
        .init(
            "jwks_file: idp-jwks.json", "jwks_uri: https://idp.acme.example/jwks\n    jwks_refresh: 1s # HERE",
            "issuers[0].jwks_refresh", "must be 10s to 24h, is 1s"),
        .init(
            "{id: gateway-dns, auth: tls_client_auth, san_dns: gateway.acme.example}",
            "{id: gateway-dns, auth: private_key_jwt, algorithms: [ES256], jwks_file: absent.json} # HERE",
            "clients[1].jwks_file", "there is no such file"),
        .init(
            "auth: tls_client_auth, san_dns: gateway.acme.example}",
            "auth: private_key_jwt, algorithms: [ES256], jwks_file: agents-jwks.json, san_dns: gateway.acme.example} # HERE",
            "clients[1].san_dns", "belongs to clients with auth tls_client_auth"),
        .init(
            "auth: tls_client_auth, san_dns: gateway.acme.example}",
            "auth: private_key_jwt, algorithms: [ES256], jwks_file: agents-jwks.json, assertion_lifetime: 2h} # HERE",
            "clients[1].assertion_lifetime", "must be 10s to 1h, is 2h"),
        .init("name: agents", "name: corp # HERE", "issuers[1].name", twice),
        .init(
            "issuer: https://agents.acme.example", "issuer: https://idp.acme.example # HERE", "issuers[1].issuer", twice
        ),
        .init(
            "issuer: https://agents.acme.example", "issuer: https://vault.acme.example # HERE", "issuers[1].issuer",
            "is our own issuer"),
        .init(
            "    claims: {user: act_for}", "    claims: {groups: g} # HERE", "issuers[1].claims.groups",
            "belongs to issuers with the role subject or partner"),
        .init(
            "    claims: {groups: groups}", "    claims: {groups: groups, user: u} # HERE", "issuers[0].claims.user",
            "belongs to issuers with the role actor"),
        .init(
            "    claims: {user: act_for}", "    agent: actor_token # HERE", "issuers[1].agent",
            "belongs to issuers with the role subject or partner"),
        .init(
            "    claims: {user: act_for}", "    max_subject_age: 1s # HERE", "issuers[1].max_subject_age",
            "belongs to issuers with the role subject or partner"),
        .init(
            "    claims: {user: act_for}", "    subject_prefix: a # HERE", "issuers[1].subject_prefix",
            "belongs to issuers with the role subject or partner"),
        .init("name: billing,", "name: demo-api, # HERE\n    ", "targets[1].name", "names another target too"),
        .init(
            "audience: billing-aud,", "audience: demo-api, # HERE\n    ", "targets[1].audience",
            "names another target too"),
        .init(
            "audience: billing-aud,", "audience: https://demo-api.acme.example, # HERE\n    ", "targets[1].audience",
            "names another target too"),
        .init(
            "audience: billing-aud,",
            "audience: billing-aud, resources: [\"https://demo-api.acme.example/\"], # HERE\n    ",
            "targets[1].resources[0]", "belongs to another target too"),
        .init(
            "    key: sign-es256\n", "    key: checkpoint # HERE\n", "targets[0].key",
            "names no key with purpose signing"),
        .init(
            "    key: sign-es256\n", "    key: other # HERE\n", "targets[0].key", "names a key that may not sign at+jwt"
        ),
        .init("token_bytes: 8192", "token_bytes: 64KiB # HERE", "limits.token_bytes", "is more than request_bytes"),
        .init("policy: policy.yaml", "policy: absent.yaml # HERE", "policy", "there is no such file"),
        .init(
            "jwks_file: idp-jwks.json", "jwks_file: absent.json # HERE", "issuers[0].jwks_file", "there is no such file"
        ),
    ]

    @Test("a fault is reported alone, with its field and line", arguments: structure + values + crossings)
    func fault(fault: FaultCase) throws {
        let config = try fault.apply(to: ConfigurationFixture.config)
        let faults = ConfigurationFixture.lines(try ConfigurationFixture(config: config).faults())
        if config.contains("HERE") {
            #expect(faults == [try fault.expected(in: config)])
        } else {
            #expect(faults.count == 1)
            #expect(faults.first?.hasSuffix(": \(fault.field): \(fault.message)") == true, "\(faults)")
        }
    }

    @Test func twoIssuersOfSubjectsMustNotYieldTheSameSubject() throws {
        func faults(_ first: String, _ second: String) throws -> [String] {
            let config = ConfigurationFixture.config
                .replacingOccurrences(of: "    subject_prefix: \"corp:\"\n", with: first)
                .replacingOccurrences(of: "roles: [actor]\n", with: "roles: [actor, subject]\n" + second)
            return ConfigurationFixture.lines(try ConfigurationFixture(config: config).faults())
        }
        let corp = "    subject_prefix: \"corp:\"\n"
        let ambiguous = "is or begins the prefix of another issuer, or is begun by it"
        #expect(try faults(corp, "    subject_prefix: \"agents:\"\n") == [])
        #expect(try faults(corp, "") == [])
        #expect(
            try faults("", "") == ["56: issuers[1].subject_prefix: is missing, and another issuer has none either"])
        #expect(try faults(corp, corp) == ["60: issuers[1].subject_prefix: \(ambiguous)"])
        #expect(try faults(corp, "    subject_prefix: co\n") == ["60: issuers[1].subject_prefix: \(ambiguous)"])
        #expect(try faults(corp, "    subject_prefix: \"corp:x\"\n") == ["60: issuers[1].subject_prefix: \(ambiguous)"])
    }

    @Test func aSocketPathThatUnixCannotHoldIsAFault() throws {
        let name = String(repeating: "a", count: 108)
        let fault = FaultCase(
            "run/front.sock", "/\(name) # HERE", "core.front_socket",
            "must be at most 107 bytes long, is 109 with its directory")
        let config = try fault.apply(to: ConfigurationFixture.config)
        let faults = try ConfigurationFixture(config: config).faults()
        #expect(ConfigurationFixture.lines(faults) == [try fault.expected(in: config)])
    }

    @Test("bytes that are no text are a fault", arguments: [[0xFF, 0x00], [0x61, 0x3A, 0x20, 0x01]] as [[UInt8]])
    func binary(bytes: [UInt8]) {
        let source = YAMLSource(file: "config.yaml")
        _ = source.read(bytes)
        #expect(source.faults.count == 1)
    }

    @Test("a file without content is a fault", arguments: ["\n", "# only a comment\n", "---\n", "[]\n", "text\n"])
    func empty(text: String) throws {
        let faults = try ConfigurationFixture(config: text).faults()
        #expect(faults.count == 1)
        #expect(faults.first?.field == "")
    }
}
