extension ConfigurationFaultTests {
    /// Faults of the file's form: what is missing, unknown, of another kind, or YAML that could be read two ways.
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
}
