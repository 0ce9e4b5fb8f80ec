extension ConfigurationFaultTests {
    /// Faults of one value.
    static let values: [FaultCase] = [
        .init("port: 8443", "port: 70000 # HERE", "listeners.gateway.port", "must be 1...65535, is 70000"),
        .init("port: 8443", "port: 0 # HERE", "listeners.gateway.port", "must be 1...65535, is 0"),
        .init("port: 8443", "port: \"8443\" # HERE", "listeners.gateway.port", "must be 1...65535, is text"),
        .init("issuer: https://vault.acme.example\n", "issuer: http://vault.acme.example # HERE\n", "issuer", origin),
        .init("issuer: https://vault.acme.example\n", "issuer: https://vault.acme.example/ # HERE\n", "issuer", origin),
        .init(
            "issuer: https://vault.acme.example\n", "issuer: https://vault.acme.example/a?b # HERE\n", "issuer", origin),
        .init("issuer: https://vault.acme.example\n", "issuer: https://Vault.acme.example # HERE\n", "issuer", origin),
        .init(
            "issuer: https://vault.acme.example\n", "issuer: https://a@vault.acme.example # HERE\n", "issuer", origin),
        .init(
            "issuer: https://vault.acme.example\n", "issuer: https://vault.acme.example/t1 # HERE\n", "issuer", origin),
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
}
