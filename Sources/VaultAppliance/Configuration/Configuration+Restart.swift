extension Configuration {
    /// What a process read at its start and keeps until the next, as fields of the file.
    package struct Standing: Equatable {
        /// Of the front.
        package var front: [String] = []
        /// Of the core.
        package var core: [String] = []
    }

    /// The fields that differ in the file as it is now, and that loading it anew leaves as they were.
    package func standing(against next: Configuration) -> Standing {
        var standing = Standing()
        func compare<Value: Equatable>(
            _ field: String, _ path: KeyPath<Configuration, Value>, front: Bool = false, core: Bool = false
        ) {
            guard self[keyPath: path] != next[keyPath: path] else { return }
            if front { standing.front.append(field) }
            if core { standing.core.append(field) }
        }
        compare("issuer", \.issuer, front: true, core: true)
        compare("listeners.gateway", \.listeners.gateway.atStart, front: true)
        compare("listeners.public", \.listeners.public.atStart, front: true)
        compare("listeners.ops", \.listeners.ops, front: true)
        compare("limits", \.limits.atStart, front: true)
        compare("core.front_socket", \.core.frontSocket, front: true, core: true)
        compare("core", \.core.besidesFrontSocket, core: true)
        compare("hsm", \.hsm, core: true)
        compare("keys", \.keys, core: true)
        // The front carries checkpoints to the witnesses; the rest of the log is the core's.
        compare("audit.witnesses", \.audit.witnesses, front: true)
        compare("audit", \.audit, core: true)
        return standing
    }
}

extension Configuration.TLSListener {
    /// The authorities of clients are the bundle's, which is loaded anew.
    fileprivate var atStart: [String] { [host, String(port), key, certificateFile, externalURL] }
}

extension Configuration.Limits {
    /// The bounds of tokens and of chains of actors are the bundle's.
    fileprivate var atStart: [Int64] {
        [requestBytes, connections, requestsPerSecond, replayEntries].map(Int64.init) + [requestTimeout]
    }
}

extension Configuration.Core {
    fileprivate var besidesFrontSocket: [[String]] {
        [
            [adminSocket, custody.rawValue], frontUsers ?? ["-"], adminUsers ?? ["-"],
            [manifestFile, custodyDirectory, onCallFile].map { $0 ?? "" },
        ]
    }
}
