import Policy
import StrictEncoding

extension YAMLFormat where Value == String {
    /// An https URL in one form, without query and without a slash at its end.
    static var httpsURL: YAMLFormat {
        text(
            "an https URL without query, fragment and slash at its end",
            mend: "write it like https://vault.acme.example",
            pattern: "^https://[^?#]*[^/?#]$"
        ) { ValueFormats.isHTTPS($0) && !$0.hasSuffix("/") }
    }

    /// An https URL without a path: metadata of an issuer with one would lie elsewhere (RFC 8414 section 3.1), and clouds
    /// look for it elsewhere again (OpenID Connect Discovery 1.0 section 4).
    static var httpsOrigin: YAMLFormat {
        text(
            "an https URL of host and port alone", mend: "write it like https://vault.acme.example",
            pattern: "^https://[^/?#]+$"
        ) { ValueFormats.isHTTPS($0) && !$0.dropFirst("https://".count).contains("/") }
    }

    /// An https URL that ends a path segment, so that it is a prefix of whole segments alone.
    static var resource: YAMLFormat {
        text(
            "an https URL without query and with a slash at its end", mend: "write it like https://api.acme.example/",
            pattern: "^https://[^?#]*/$"
        ) { ValueFormats.isHTTPS($0) && $0.hasSuffix("/") }
    }

    /// An IP address or a host name.
    static var host: YAMLFormat {
        text("an IP address or a host name", mend: "write it like 127.0.0.1", pattern: "^[0-9A-Za-z.:-]{1,253}$") {
            text in
            (1...253).contains(text.utf8.count)
                && text.utf8.allSatisfy { ValueFormats.isWord($0) || ".:-".utf8.contains($0) }
        }
    }

    /// A loopback address; a name would be whatever a resolver says.
    static var loopback: YAMLFormat {
        text(
            "a loopback address", mend: "write 127.0.0.1 or ::1; this listener has no TLS and no authentication",
            pattern: "^(127(\\.[0-9]{1,3}){3}|::1)$", ValueFormats.isLoopback)
    }

    /// A label of a key: what PKCS#11 tokens, files and logs all take.
    static var label: YAMLFormat {
        text("1 to 64 letters, digits, '.', '_' or '-'", mend: "use those alone", pattern: "^[0-9A-Za-z._-]{1,64}$") {
            text in
            (1...64).contains(text.utf8.count)
                && text.utf8.allSatisfy { ValueFormats.isWord($0) || "._-".utf8.contains($0) }
        }
    }

    /// A scope-token of RFC 6749 section 3.3.
    static var scope: YAMLFormat {
        text("a scope without spaces", mend: "write it like accounts:read", pattern: "^[!#-\\[\\]-~]{1,512}$") { text in
            (1...512).contains(text.utf8.count)
                && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }
        }
    }

    /// Printable ASCII with spaces inside.
    static var phrase: YAMLFormat {
        text("printable ASCII", mend: "use letters, digits and signs of ASCII", pattern: "^[!-~]([ -~]{0,510}[!-~])?$")
        { text in
            (1...512).contains(text.utf8.count) && text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
                && text.utf8.first != 0x20 && text.utf8.last != 0x20
        }
    }

    /// A PKCS#11 URI that names a token by its lasting attributes (RFC 7512 section 2.3); faults never show it.
    static var tokenURI: YAMLFormat {
        text(
            "a PKCS#11 URI of token, serial, manufacturer or model, and nothing else",
            mend: "write it like pkcs11:token=vault; a PIN is given by pin_file alone", pattern: "^pkcs11:[^?]+$",
            ValueFormats.isTokenURI)
    }

    /// A name of the local user database, or a number.
    static var user: YAMLFormat {
        let schema: JSONValue = [
            "type": ["string", "integer"], "minimum": 0, "pattern": "^([a-z_][a-z0-9_-]{0,31}|0|[1-9][0-9]{0,9})$",
        ]
        return YAMLFormat(placeholder: "", schema: schema) { value throws(ValueFault) in
            guard case .scalar(let text, _, _) = value, ValueFormats.isUser(text) else {
                throw ValueFault(
                    message: "must be a user name or a numeric id", mend: "write it like vault-front or 998")
            }
            return text
        }
    }
}

/// Tests of single values.
enum ValueFormats {
    /// An https URL in the one accepted form, without query.
    static func isHTTPS(_ text: String) -> Bool {
        text.hasPrefix("https://") && !text.utf8.contains(UInt8(ascii: "?")) && LocationText.isAcceptable(text)
    }

    /// 127.0.0.0/8 in dotted decimals (RFC 1122 section 3.2.1.3), or ::1.
    static func isLoopback(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let isDotted = parts.count == 4 && parts.allSatisfy { part in UInt8(part).map { String($0) == part } ?? false }
        return text == "::1" || (isDotted && parts[0] == "127")
    }

    /// Path attributes that survive a restart, each once; a query could hold a PIN, a slot number is not lasting.
    static func isTokenURI(_ text: String) -> Bool {
        let scheme = "pkcs11:"
        guard text.hasPrefix(scheme), (8...512).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !"?&#\"\\".utf8.contains($0) })
        else { return false }
        var names: Set<Substring> = []
        for attribute in text.dropFirst(scheme.count).split(separator: ";", omittingEmptySubsequences: false) {
            let parts = attribute.split(separator: "=", omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[1].isEmpty, names.insert(parts[0]).inserted else { return false }
        }
        return names.isSubset(of: ["token", "serial", "manufacturer", "model"])
            && (names.contains("token") || names.contains("serial"))
    }

    /// A POSIX user name or a decimal user id.
    static func isUser(_ text: String) -> Bool {
        if let number = UInt32(text) { return String(number) == text }
        guard (1...32).contains(text.utf8.count), let first = text.utf8.first else { return false }
        let lower = UInt8(ascii: "a")...UInt8(ascii: "z")
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        return (lower.contains(first) || first == UInt8(ascii: "_"))
            && text.utf8.allSatisfy { lower.contains($0) || digits.contains($0) || "_-".utf8.contains($0) }
    }

    /// A letter or a digit.
    static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }
}

/// Paths as the file means them: relative ones are taken from its directory.
struct PathFormat {
    let directory: String

    /// A path of a file or directory; faults never show it, since a secret may have been written in its place.
    var path: YAMLFormat<String> { path(limit: 4095) }

    /// A path of a Unix socket: `sun_path` holds 108 bytes with the zero at its end (unix(7)).
    var socket: YAMLFormat<String> { path(limit: 107) }

    private func path(limit: Int) -> YAMLFormat<String> {
        let directory = directory
        let text = YAMLFormat.text("a path", mend: "write it without control characters") { text in
            !text.isEmpty && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
        }
        return YAMLFormat(placeholder: "", schema: ["type": "string", "minLength": 1]) { value throws(ValueFault) in
            let path = ConfigurationFile.resolve(try text.parse(value), in: directory)
            guard path.utf8.count <= limit else {
                throw ValueFault(
                    message: "must be at most \(limit) bytes long, is \(path.utf8.count) with its directory",
                    mend: "choose a shorter path")
            }
            return path
        }
    }
}
