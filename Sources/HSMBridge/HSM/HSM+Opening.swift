extension HSM {
    /// Finds the token that the URI names and says which one it is, without a PIN; blocks a thread of its own.
    package static func find(modulePath: String, token: TokenURI) async throws(HSMError) -> TokenInfo {
        try await DedicatedThread.run("hsm-find") { () throws(HSMError) in
            let module = try Module.load(path: modulePath)
            // Nobody finalises the library meanwhile.
            let use = try ModuleUse(module)
            defer { withExtendedLifetime(use) {} }
            return try module.token(matching: token).token
        }
    }
}

extension TokenURI {
    /// The same token and, for as long as the URI is used, no other: another one with its label does not match.
    package func pinned(to info: TokenInfo) -> TokenURI {
        var pinned = self
        pinned.pin(serial: info.serial)
        return pinned
    }
}
