extension ConfigurationFaultTests {
    /// Faults that no single field shows.
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
}
