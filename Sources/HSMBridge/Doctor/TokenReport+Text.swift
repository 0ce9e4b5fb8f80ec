extension TokenReport {
    /// The report for people, line by line.
    package var lines: [String] {
        var lines = ["\(uri) in \(modulePath)"]
        if let profile {
            lines += profile.lines
        } else if let token {
            lines.append("  token    \(token.words)")
        }
        if !algorithms.isEmpty {
            lines += ["", "what it can do"] + algorithms.map { "  " + $0.line }
        }
        if !keys.isEmpty || profile != nil {
            lines += ["", "private keys" + (keys.isEmpty ? ": none" : "")] + keys.map { "  " + $0.line }
            let others = otherObjects.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.value) \($0.key.words)" }
            if !others.isEmpty { lines.append("  and \(others.joined(separator: ", "))") }
        }
        if !timings.isEmpty {
            lines += ["", "times"] + timings.map { "  \(Columns.pad($0.name, 34)) \(Columns.time($0.duration))" }
        }
        lines += ["", "findings"]
        for finding in findings { lines += finding.lines }
        let faults = findings.count { $0.severity == .fault }
        lines += ["", isWell ? "nothing is wrong" : "\(faults) \(faults == 1 ? "thing is" : "things are") wrong"]
        return lines
    }
}

/// Columns of text.
private enum Columns {
    static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    static func time(_ duration: Duration) -> String {
        let microseconds = Int64(duration / .microseconds(1))
        guard microseconds < 10_000 else { return "\(microseconds / 1000) ms" }
        let hundredths = microseconds / 10
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100) ms"
    }
}

extension TokenInfo {
    fileprivate var words: String { "\(label), serial \(serial), \(manufacturer) \(model)" }
}

extension TokenProfile {
    fileprivate var lines: [String] {
        [
            "  token    \(info.words)",
            "  library  \(library.manufacturer), \(library.description) \(library.version), "
                + "PKCS#11 \(library.cryptokiVersion)",
            "  profile  \(vendor.rawValue)\(vendor.isTested ? "" : " (not tested)"); PIN of "
                + "\(info.minimumPINLength) to \(info.maximumPINLength) bytes; "
                + "sessions \(info.maximumSessions.map { "\($0)" } ?? "without limit"); "
                + "RSA-OAEP \(oaepHash.map { "with \($0.rawValue)" } ?? "none")",
        ]
    }
}

extension AlgorithmReport {
    fileprivate var line: String {
        let name = Columns.pad(algorithm.rawValue, 6)
        switch outcome {
        case .works:
            let times = [
                generation.map { "key \(Columns.time($0))" }, signature.map { "signature \(Columns.time($0))" },
            ]
            return "\(name) works    \(mechanism ?? ""), \(times.compactMap(\.self).joined(separator: ", "))"
        case .notOffered: return "\(name) no"
        case .untried: return "\(name) offered  \(mechanism ?? ""), not tried"
        case .fails(let error): return "\(name) fails    \(error)"
        }
    }
}

extension KeyReport {
    fileprivate var line: String {
        let name = Columns.pad(label, 16) + " " + Columns.pad(algorithm?.rawValue ?? "-", 6)
        let use = Columns.pad(purpose ?? "unknown", 10) + " " + Columns.pad(state ?? "-", 12)
        let from = Columns.pad(provenance.rawValue, 9)
        let identity = kid.map { ", kid \($0)" } ?? ""
        guard !attributes.isEmpty else { return "\(name) \(use) \(from) not looked at\(identity)" }
        let stays = attributes["CKA_SENSITIVE"] == true && attributes["CKA_EXTRACTABLE"] == false
        let works = algorithm?.oaepHash == nil ? ("signs", "did not sign") : ("decrypts", "did not decrypt")
        return "\(name) \(use) \(from) \(stays ? "stays in" : "CAN LEAVE"), \(refusals.count) probes refused, "
            + (signature.map { "\(works.0) in \(Columns.time($0))" } ?? works.1) + identity
    }
}

extension TokenObject.Kind {
    fileprivate var words: String {
        switch self {
        case .publicKey: "public keys"
        case .privateKey: "private keys"
        case .secretKey: "secret keys"
        case .certificate: "certificates"
        case .other: "other objects"
        }
    }
}

extension Finding {
    fileprivate var lines: [String] {
        let sign =
            switch severity {
            case .good: "ok   "
            case .note: "note "
            case .fault: "FAULT"
            }
        let line = "  \(sign) \(subject): \(text)  [\(code)]"
        return mend.map { [line, "        mend: \($0)"] } ?? [line]
    }
}
