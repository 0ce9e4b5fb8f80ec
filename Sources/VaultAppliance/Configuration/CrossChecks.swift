import Minting

/// Checks what no single field shows: unique names, references, and names that could be mistaken for each other.
///
/// A check is left out when a section it reads has faults already, since what it found would follow from them.
struct CrossChecks {
    fileprivate let configuration: Configuration
    fileprivate let source: YAMLSource

    /// Checks of a configuration that was decoded from a source, as far as it could be.
    init(_ configuration: Configuration, _ source: YAMLSource) {
        self.configuration = configuration
        self.source = source
    }

    /// Reports what it finds to the source.
    func run() {
        if isSound("listeners") { checkPorts() }
        if isSound("listeners", "keys") { checkListenerKeys() }
        if isSound("core", "hsm") { checkCustody() }
        if isSound("keys") { checkKeys() }
        if isSound("clients") { checkClients() }
        if isSound("issuers", "issuer") { checkIssuers() }
        if isSound("issuers") { checkSubjects() }
        if isSound("issuers") { checkEvents() }
        if isSound("targets") { checkTargetNames() }
        if isSound("targets", "clients") { checkIntrospection() }
        if isSound("targets", "keys") { checkTargetKeys() }
    }

    private func isSound(_ sections: String...) -> Bool { !sections.contains { source.hasFaults(under: $0) } }

    private func checkPorts() {
        let listeners = configuration.listeners
        let ports = [
            ("gateway", listeners.gateway.port), ("public", listeners.public.port), ("ops", listeners.ops.port),
        ]
        unique(ports.map { (String($0.1), "listeners.\($0.0).port") }, "is the port of another listener too")
    }

    private func checkListenerKeys() {
        let listeners = configuration.listeners
        for (name, listener) in [("gateway", listeners.gateway), ("public", listeners.public)] {
            refer(to: .tls, listener.key, "listeners.\(name).key")
        }
    }

    private func checkCustody() {
        let core = configuration.core
        switch core.custody {
        case .development:
            if core.custodyDirectory != nil {
                source.fault(
                    "core.custody_directory", "is only for custody: quorum",
                    mend: "remove it, or make the appliance's keys by the ceremony genesis and say custody: quorum")
            }
            if core.manifestFile == nil {
                source.fault("core.manifest", "is missing", mend: "add it: the path development-genesis writes to")
            }
        case .quorum:
            if core.manifestFile != nil {
                source.fault(
                    "core.manifest", "is only for custody: development",
                    mend: "remove it; under a quorum's custody the manifests are in custody_directory")
            }
            if core.custodyDirectory == nil {
                source.fault(
                    "core.custody_directory", "is missing", mend: "add it: the directory the ceremony genesis makes")
            }
            for token in configuration.hsm.tokens where token.pinFile != nil {
                source.fault(
                    "\(token.field).pin_file", "is only for custody: development",
                    mend: "remove it; the PIN is in nobody's file: custodians activate")
            }
        }
    }

    private func checkKeys() {
        let keys = configuration.keys
        unique(keys.enumerated().map { ($0.element.label, "keys[\($0.offset)].label") }, "stands twice")
        let checkpoints = keys.indices.filter { keys[$0].purpose == .checkpoint }
        if checkpoints.isEmpty {
            source.fault(
                "keys", "has no checkpoint key", mend: "add {label: checkpoint, purpose: checkpoint, alg: EdDSA}")
        }
        for position in checkpoints.dropFirst() {
            source.fault("keys[\(position)].purpose", "makes a second checkpoint key", mend: "keep one")
        }
    }

    /// Ids and names share one space, since rules may use either.
    private func checkClients() {
        var names: [(String, String)] = []
        for (position, client) in configuration.clients.enumerated() {
            names.append((client.id, "clients[\(position)].id"))
            guard let name = client.certificateName, name.text != client.id else { continue }
            names.append((name.text, "clients[\(position)].\(name.field)"))
        }
        unique(names, "identifies another client too")
    }

    private func checkIssuers() {
        let issuers = configuration.issuers.enumerated()
        unique(issuers.map { ($0.element.name, "issuers[\($0.offset)].name") }, "stands twice")
        unique(issuers.map { ($0.element.issuer, "issuers[\($0.offset)].issuer") }, "stands twice")
        for (position, issuer) in issuers where issuer.issuer == configuration.issuer {
            source.fault(
                "issuers[\(position)].issuer", "is our own issuer", mend: "remove it; our own tokens need no such entry"
            )
        }
    }

    /// Two issuers must never yield the same `sub`, nor one of them a client's: at most one goes without a prefix, and no
    /// prefix begins another.
    private func checkSubjects() {
        let issuers = configuration.issuers.enumerated().filter {
            $0.element.roles.contains(where: \.namesUsers)
        }
        for (position, _) in issuers.filter({ $0.element.subjectPrefix == nil }).dropFirst() {
            source.fault(
                "issuers[\(position)].subject_prefix", "is missing, and another issuer has none either",
                mend: "give all but one issuer of subjects a prefix of its own")
        }
        for (position, issuer) in issuers {
            guard let prefix = issuer.subjectPrefix else { continue }
            guard !prefix.hasPrefix(ClientSubject.prefix), !ClientSubject.prefix.hasPrefix(prefix) else {
                source.fault(
                    "issuers[\(position)].subject_prefix", "could make a user's subject one of a client's",
                    mend: "choose one that neither begins with '\(ClientSubject.prefix)' nor is a part of it")
                continue
            }
            let isAmbiguous = issuers.contains { other, candidate in
                other < position
                    && (candidate.subjectPrefix.map { $0.hasPrefix(prefix) || prefix.hasPrefix($0) } ?? false)
            }
            guard isAmbiguous else { continue }
            source.fault(
                "issuers[\(position)].subject_prefix", "is or begins the prefix of another issuer, or is begun by it",
                mend: "choose prefixes of which none begins another, as 'corp:' and 'partners:'")
        }
    }

    /// Names and audiences share one space, since `audience` may use either; equal resources would be ambiguous, while
    /// of nested ones the longest decides.
    private func checkTargetNames() {
        var names: [(String, String)] = []
        var resources: [(String, String)] = []
        for (position, target) in configuration.targets.enumerated() {
            let path = "targets[\(position)]"
            names.append((target.name, "\(path).name"))
            if target.audience != target.name { names.append((target.audience, "\(path).audience")) }
            for (index, resource) in target.resources.enumerated() {
                resources.append((resource, "\(path).resources[\(index)]"))
            }
        }
        unique(names, "names another target too")
        unique(resources, "belongs to another target too")
    }

    private func checkTargetKeys() {
        for (position, target) in configuration.targets.enumerated() {
            let path = "targets[\(position)]"
            refer(to: .signing, target.key, "\(path).key")
            let key = configuration.keys.first { $0.label == target.key && $0.purpose == .signing }
            let type = target.kind.type.rawValue
            if let key, !key.types.contains(type) {
                source.fault(
                    "\(path).key", "names a key that may not sign \(type)",
                    mend: "add \(type) to the key's types, or name another key")
            }
        }
    }

    private func refer(to purpose: Configuration.Key.Purpose, _ label: String, _ field: String) {
        guard !configuration.keys.contains(where: { $0.label == label && $0.purpose == purpose }) else { return }
        let labels = configuration.keys.filter { $0.purpose == purpose }.map(\.label).joined(separator: ", ")
        source.fault(
            field, "names no key with purpose \(purpose.rawValue)",
            mend: labels.isEmpty ? "add such a key to keys" : "name one of \(labels)")
    }

    private func unique(_ values: [(value: String, field: String)], _ message: String) {
        var seen: Set<String> = []
        for (value, field) in values where !seen.insert(value).inserted {
            source.fault(field, message, mend: "give each its own")
        }
    }
}

extension Configuration.Client.CertificateName {
    /// The name's field in the file.
    fileprivate var field: String {
        switch self {
        case .sanURI: "san_uri"
        case .sanDNS: "san_dns"
        case .subjectDN: "subject_dn"
        }
    }
}

extension CrossChecks {
    /// A resource server may ask about tokens of targets that there are.
    fileprivate func checkIntrospection() {
        for (position, client) in configuration.clients.enumerated() {
            for (index, name) in client.introspects.enumerated()
            where !configuration.targets.contains(where: { $0.name == name }) {
                source.fault(
                    "clients[\(position)].introspects[\(index)]", "names no target", mend: "name one of targets")
            }
        }
    }

    /// Events may be about the users of issuers of subjects alone, whose tokens must not outlive what events can end.
    fileprivate func checkEvents() {
        for (position, issuer) in configuration.issuers.enumerated() {
            for (index, name) in issuer.eventsFor.enumerated() {
                let field = "issuers[\(position)].events_for[\(index)]"
                guard let other = configuration.issuers.first(where: { $0.name == name && $0.roles.contains(.subject) })
                else {
                    source.fault(field, "names no issuer with the role subject", mend: "name one of those")
                    continue
                }
                guard other.maximumSubjectAge == nil else { continue }
                source.fault(
                    field, "names an issuer without max_subject_age",
                    mend: "give it one: only so can an ended session be told from a later one for as long as it matters"
                )
            }
        }
    }
}
