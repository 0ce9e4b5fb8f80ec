/// Lines that a test adds to the configuration and the policy of the fixture.
struct ExchangeAdditions: Sendable {
    var keys = ""
    var clients = ""
    var issuers = ""
    var targets = ""
    var rules = ""
}

extension ExchangeAdditions {
    /// Every kind of target, and an issuer for every way to prove an agent.
    static let kinds = ExchangeAdditions(
        keys: """
              - {label: kinds, purpose: signing, alg: ES256, types: ["at+jwt", "txntoken+jwt", "oauth-id-jag+jwt", "JWT"], max_lifetime: 10m}
            """,
        clients: """
              - {id: crm-server, auth: tls_client_auth, san_uri: "spiffe://acme.example/server/crm"}
              - {id: agent-sales, auth: tls_client_auth, san_uri: "spiffe://acme.example/agent/sales"}
              - {id: desk-server, auth: tls_client_auth, san_uri: "spiffe://acme.example/server/desk", introspects: [ledger]}
            """,
        issuers: """
              - {name: acts, issuer: "https://acts.example", roles: [subject], audiences: ["https://vault.acme.example"], algorithms: [ES256], jwks_file: idp-jwks.json, subject_prefix: "acts:", agent: subject_act, claims: {groups: groups}}
              - {name: portal, issuer: "https://portal.example", roles: [subject], audiences: ["https://vault.acme.example"], algorithms: [ES256], jwks_file: idp-jwks.json, subject_prefix: "portal:", agent: subject_azp}
              - {name: mesh, issuer: "https://mesh.example", roles: [subject], audiences: ["https://vault.acme.example"], algorithms: [ES256], jwks_file: idp-jwks.json, subject_prefix: "mesh:", agent: caller_spiffe}
              - {name: east, issuer: "https://east.example", roles: [subject], audiences: ["https://vault.acme.example"], algorithms: [ES256], jwks_file: idp-jwks.json, subject_prefix: "east:"}
              - {name: both, issuer: "https://both.example", roles: [subject, actor], audiences: ["https://vault.acme.example"], algorithms: [ES256], jwks_file: idp-jwks.json, subject_prefix: "both:", agent: subject_azp}
              - {name: partner, issuer: "https://partner.example", roles: [partner], audiences: ["https://vault.acme.example", "shared-audience"], algorithms: [ES256], jwks_file: idp-jwks.json, subject_prefix: "partner:", agent: subject_act}
            """,
        targets: """
              - {name: crm, kind: jwt, audience: "spiffe://acme.example/server/crm", resources: ["https://crm.acme.example/"], key: kinds, scopes: ["accounts:read", "accounts:list"]}
              - {name: billing, kind: jwt, audience: "https://billing.acme.example", resources: ["https://billing.acme.example/"], key: kinds, scopes: ["accounts:read", "accounts:list", "bill"]}
              - {name: desk, kind: jwt, audience: "spiffe://acme.example/server/desk", key: kinds, scopes: ["accounts:read"]}
              - {name: ledger, kind: jwt, audience: "https://ledger.acme.example", key: kinds, scopes: ["accounts:read"]}
              - {name: trust, kind: txn_token, audience: "https://trust.acme.example", key: kinds, scopes: ["accounts:read"]}
              - {name: chat, kind: id_jag, audience: "https://auth.chat.example", resources: ["https://api.chat.example/"], key: kinds, scopes: ["chat:write"], client_id: vault-at-chat}
              - {name: aws, kind: oidc, audience: sts.amazonaws.com, key: kinds, subject: "acme:{user}", session_tags: [{key: User, value: "{user}", transitive: true}, {key: Tool, value: "{tool}"}]}
              - {name: google, kind: oidc, audience: "//iam.googleapis.com/projects/7/locations/global/workloadIdentityPools/p/providers/v", key: kinds, subject: "{user}/{agent}"}
              - {name: entra, kind: oidc, audience: "api://AzureADTokenExchange", key: kinds, subject: "{agent_issuer}|{agent}"}
            """,
        rules: """
              - {id: crm, gateways: [gateway-mcp], agents: {issuer: agents, subjects: [sales-assistant]}, users: {issuer: corp, any_group: [sales]}, target: crm, tools: [crm.read_account], actions: [read, list], scopes: ["accounts:read", "accounts:list"], lifetime: {default: 5m, max: 5m}}
              - {id: crm-plain, gateways: [gateway-mcp], agents: {issuer: agents, subjects: [sales-assistant]}, users: {issuer: corp, any_group: [sales]}, target: crm, scopes: ["accounts:read", "accounts:list"], lifetime: {default: 5m, max: 5m}}
              - {id: on-to-billing, gateways: [crm-server, gateway-mcp], agents: {issuer: agents, subjects: [sales-assistant, second-assistant]}, users: {issuer: corp}, target: billing, tools: [crm.read_account], scopes: ["accounts:read", "accounts:list", "bill"], lifetime: {default: 10m, max: 10m}}
              - {id: on-to-billing-plain, gateways: [crm-server], agents: {issuer: agents, subjects: [sales-assistant]}, users: {issuer: corp}, target: billing, scopes: ["accounts:read", "bill"]}
              - {id: trust, gateways: [gateway-mcp], agents: {issuer: agents, subjects: [sales-assistant]}, users: {issuer: corp, any_group: [sales]}, target: trust, tools: [crm.read_account, crm.count], scopes: ["accounts:read"]}
              - {id: chat, gateways: [gateway-mcp], agents: {issuer: agents, subjects: [sales-assistant]}, users: {issuer: corp, any_group: [sales]}, target: chat, scopes: ["chat:write"], lifetime: {default: 10m, max: 10m}}
              - {id: aws, gateways: [gateway-mcp], agents: {issuer: agents, subjects: [sales-assistant]}, users: {issuer: corp, any_group: [sales]}, target: aws, tools: [crm.read_account]}
              - {id: google, gateways: [gateway-mcp], agents: {issuer: agents, subjects: [sales-assistant, "a/b"]}, users: {issuer: corp, any_group: [sales]}, target: google, tools: [crm.read_account]}
              - {id: acts, gateways: [gateway-mcp], agents: {issuer: agents, subjects: [sales-assistant]}, users: {issuer: acts}, target: billing, scopes: [bill], require: [actor_bound]}
              - {id: acts-own, gateways: [gateway-mcp], agents: {issuer: acts, subjects: [bot]}, users: {issuer: acts}, target: billing, scopes: [bill], require: [actor_bound]}
              - {id: portal, gateways: [gateway-mcp], agents: {issuer: portal, subjects: [desk]}, users: {issuer: portal}, target: billing, scopes: [bill]}
              - {id: mesh, gateways: [agent-sales], agents: {issuer: "spiffe://acme.example", subjects: ["spiffe://acme.example/agent/sales"]}, users: {issuer: mesh}, target: billing, scopes: [bill]}
              - {id: partner, gateways: [gateway-mcp], agents: {issuer: partner, subjects: [their-bot]}, users: {issuer: partner}, target: billing, scopes: ["accounts:read", bill]}
              - {id: partner-chat, gateways: [gateway-mcp], agents: {issuer: partner, subjects: [their-bot]}, users: {issuer: partner}, target: chat, scopes: ["chat:write"]}
              - {id: crm-report, gateways: [gateway-mcp], agents: {issuer: agents, subjects: [sales-assistant]}, users: {issuer: corp}, target: crm, tools: [crm.report], scopes: ["accounts:read"], lifetime: {default: 30s, max: 2m}}
              - {id: crm-count, gateways: [gateway-mcp], agents: {issuer: agents, subjects: [sales-assistant]}, users: {issuer: corp}, target: crm, tools: [crm.count]}
              - {id: google-on, gateways: [crm-server], agents: {issuer: agents, subjects: [sales-assistant]}, users: {issuer: corp}, target: google, tools: [crm.count]}
              - {id: on-to-desk, gateways: [crm-server], agents: {issuer: agents, subjects: [sales-assistant, second-assistant]}, users: {issuer: corp}, target: desk, scopes: ["accounts:read"]}
              - {id: ledger, gateways: [gateway-mcp, crm-server, desk-server], agents: {issuer: agents, subjects: [sales-assistant, second-assistant]}, users: {issuer: corp}, target: ledger, scopes: ["accounts:read"], require: [actor_bound]}
              - {id: east-ledger, gateways: [gateway-mcp], agents: {issuer: agents, subjects: [sales-assistant]}, users: {issuer: east}, target: ledger, scopes: ["accounts:read"], require: [actor_bound]}
              - {id: both-crm, gateways: [gateway-mcp], agents: {issuer: both, subjects: [kiosk]}, users: {issuer: both}, target: crm, scopes: ["accounts:read"]}
              - {id: both-ledger, gateways: [crm-server], agents: {issuer: both, subjects: [kiosk]}, users: {issuer: both}, target: ledger, scopes: ["accounts:read"], require: [actor_bound]}
              - {id: entra, gateways: [gateway-mcp], agents: {issuer: agents, subjects: [sales-assistant]}, users: {issuer: corp}, target: entra}
              - {id: entra-acts, gateways: [gateway-mcp], agents: {issuer: acts, subjects: [sales-assistant]}, users: {issuer: acts}, target: entra}
              - {id: acts-crm, gateways: [gateway-mcp], agents: {issuer: agents, subjects: [sales-assistant]}, users: {issuer: acts}, target: crm, scopes: ["accounts:read"]}
              - {id: acts-ledger, gateways: [crm-server], agents: {issuer: agents, subjects: [sales-assistant, second-assistant]}, users: {issuer: acts}, target: ledger, scopes: ["accounts:read"], require: [actor_bound]}
              - {id: mesh-crm, gateways: [agent-sales], agents: {issuer: "spiffe://acme.example", subjects: ["spiffe://acme.example/agent/sales"]}, users: {issuer: mesh}, target: crm, scopes: ["accounts:read"]}
              - {id: mesh-ledger, gateways: [crm-server], agents: {issuer: "spiffe://acme.example", subjects: ["spiffe://acme.example/agent/sales"]}, users: {issuer: mesh}, target: ledger, scopes: ["accounts:read"], require: [actor_bound]}
              - {id: mesh-other, gateways: [crm-server], agents: {issuer: agents, subjects: [sales-assistant]}, users: {issuer: mesh}, target: ledger, scopes: ["accounts:read"]}
              - id: crm-edit
                gateways: [gateway-mcp]
                agents: {issuer: agents, subjects: [sales-assistant]}
                users: {issuer: corp}
                target: crm
                tools: [crm.edit]
                actions: [update]
                locations: ["https://crm.acme.example/*/accounts/{identifier}"]
                scopes: ["accounts:read"]
                require: [arguments_sha256]
              - {id: crm-draft, gateways: [gateway-mcp], agents: {issuer: agents, subjects: [sales-assistant]}, users: {issuer: corp}, target: crm, tools: [crm.draft], scopes: ["accounts:read"]}
              - {id: desk-draft, gateways: [crm-server], agents: {issuer: agents, subjects: [sales-assistant]}, users: {issuer: corp}, target: desk, tools: [crm.edit, crm.draft], scopes: ["accounts:read"]}
              - {id: nightly, gateways: [gateway-mcp], users: none, target: billing, scopes: [bill]}
              - {id: nightly-chat, gateways: [gateway-mcp], users: none, target: chat, scopes: ["chat:write"]}
            """)
}
