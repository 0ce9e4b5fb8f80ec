/// A PKCS#11 URI (RFC 7512), read strictly: it chooses a token and, where the caller wants it, an object.
///
/// Unknown and repeated attributes are errors (RFC 7512 section 2.3 allows none of the latter). `pin-value` is refused,
/// since the PIN would land in process lists and logs, and `pin-source` is a file with an absolute path or nothing.
package struct TokenURI: Sendable, Hashable, CustomStringConvertible {
    /// CKA_LABEL of the token.
    package private(set) var token: String?
    /// Serial number of the token.
    package private(set) var serial: String?
    /// Manufacturer of the token.
    package private(set) var manufacturer: String?
    /// Model of the token.
    package private(set) var model: String?
    /// CKA_LABEL of an object.
    package private(set) var object: String?
    /// CKA_ID of an object.
    package private(set) var id: [UInt8]?
    /// Class of an object: `private`, `public`, `cert`, `secret-key` or `data`.
    package private(set) var type: String?
    /// Absolute path of the PKCS#11 library.
    package private(set) var modulePath: String?
    /// Absolute path of the file that holds the PIN.
    package private(set) var pinFile: String?

    /// The longest URI that is read.
    private static let longest = 4096

    /// Reads a URI.
    package init(_ text: String) throws(HSMError) {
        guard text.utf8.count <= TokenURI.longest, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw HSMError(.uriMalformed, context: "more than visible ASCII, or too long")
        }
        guard text.hasPrefix("pkcs11:") else { throw HSMError(.uriMalformed, context: "does not start with pkcs11:") }
        let parts = text.dropFirst(7).split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var seen: Set<String> = []
        for attribute in try TokenURI.attributes(parts[0], separator: ";") {
            guard seen.insert(attribute.name).inserted else { throw TokenURI.repeated(attribute.name) }
            try setPath(attribute)
        }
        guard parts.count == 2 else { return }
        for attribute in try TokenURI.attributes(parts[1], separator: "&") {
            guard seen.insert(attribute.name).inserted else { throw TokenURI.repeated(attribute.name) }
            try setQuery(attribute)
        }
    }

    /// The token with this label.
    package init(label: String) { token = label }

    /// Matches the token with this serial number alone.
    mutating func pin(serial: String) { self.serial = serial }

    /// Whether the token is the one, by every attribute the URI names.
    package func matches(_ info: TokenInfo) -> Bool {
        func agrees(_ wanted: String?, _ found: String) -> Bool {
            wanted.map { $0.utf8.elementsEqual(found.utf8) } ?? true
        }
        return agrees(token, info.label) && agrees(serial, info.serial)
            && agrees(manufacturer, info.manufacturer) && agrees(model, info.model)
    }

    /// The token's part of the URI, without file names.
    package var description: String {
        let named = [("token", token), ("serial", serial), ("manufacturer", manufacturer), ("model", model)]
        return "pkcs11:"
            + named.compactMap { name, value in value.map { "\(name)=\(TokenURI.encoded($0))" } }.joined(separator: ";")
    }

    private mutating func setPath(_ attribute: (name: String, value: [UInt8])) throws(HSMError) {
        switch attribute.name {
        case "token": token = try TokenURI.text(attribute)
        case "serial": serial = try TokenURI.text(attribute)
        case "manufacturer": manufacturer = try TokenURI.text(attribute)
        case "model": model = try TokenURI.text(attribute)
        case "object": object = try TokenURI.text(attribute)
        case "id":
            guard !attribute.value.isEmpty else { throw HSMError(.uriMalformed, context: "empty id") }
            id = attribute.value
        case "type":
            let type = try TokenURI.text(attribute)
            guard ["private", "public", "cert", "secret-key", "data"].contains(type) else {
                throw HSMError(.uriMalformed, context: "no such type")
            }
            self.type = type
        case "pin-value", "pin-source", "module-path", "module-name":
            throw HSMError(.uriMalformed, context: "\(attribute.name) belongs behind the question mark")
        default: throw HSMError(.uriAttributeUnknown, context: attribute.name)
        }
    }

    private mutating func setQuery(_ attribute: (name: String, value: [UInt8])) throws(HSMError) {
        switch attribute.name {
        case "module-path":
            let path = try TokenURI.text(attribute)
            guard path.hasPrefix("/") else { throw HSMError(.uriMalformed, context: "module-path is not absolute") }
            modulePath = path
        case "pin-source":
            let source = try TokenURI.text(attribute)
            guard source.hasPrefix("file:/") else { throw HSMError(.pinSourceRefused, context: "not file:/...") }
            // RFC 8089: file:/path and file:///path are the same file; file://host/path is another host's.
            let path = source.hasPrefix("file:///") ? source.dropFirst(7) : source.dropFirst(5)
            guard !path.hasPrefix("//") else { throw HSMError(.pinSourceRefused, context: "another host's file") }
            pinFile = String(path)
        case "pin-value": throw HSMError(.pinInURI)
        default: throw HSMError(.uriAttributeUnknown, context: attribute.name)
        }
    }

    private static func repeated(_ name: String) -> HSMError { HSMError(.uriAttributeRepeated, context: name) }
}

extension TokenURI {
    /// Splits `name=value` pairs and undoes percent encoding; an empty part has none.
    private static func attributes(
        _ part: Substring, separator: Character
    ) throws(HSMError) -> [(name: String, value: [UInt8])] {
        guard !part.isEmpty else { return [] }
        var attributes: [(name: String, value: [UInt8])] = []
        for pair in part.split(separator: separator, omittingEmptySubsequences: false) {
            guard let equals = pair.firstIndex(of: "="), equals != pair.startIndex else {
                throw HSMError(.uriMalformed, context: "an attribute without a name or a value")
            }
            let name = String(pair[..<equals])
            guard name.utf8.allSatisfy({ (0x61...0x7a).contains($0) || $0 == UInt8(ascii: "-") }) else {
                throw HSMError(.uriMalformed, context: "a name of other than small letters")
            }
            attributes.append((name, try decoded(pair[pair.index(after: equals)...].utf8)))
        }
        return attributes
    }

    /// Undoes percent encoding; characters outside RFC 7512's `pk11-pchar` and `pk11-qchar` must be encoded.
    private static func decoded(_ text: Substring.UTF8View) throws(HSMError) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                guard isPlain(byte) else { throw HSMError(.uriMalformed, context: "a character that must be encoded") }
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexadecimal), let low = rest.popFirst().flatMap(hexadecimal) else {
                throw HSMError(.uriMalformed, context: "a percent sign without two hexadecimal digits")
            }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    /// A value as text: visible ASCII and blanks, so that comparing it is comparing bytes.
    private static func text(_ attribute: (name: String, value: [UInt8])) throws(HSMError) -> String {
        guard !attribute.value.isEmpty, attribute.value.allSatisfy({ (0x20...0x7e).contains($0) }) else {
            throw HSMError(.uriMalformed, context: "\(attribute.name) is empty or not printable ASCII")
        }
        return String(decoding: attribute.value, as: UTF8.self)
    }

    private static func encoded(_ text: String) -> String {
        text.utf8.map { byte in
            isPlain(byte) && byte != UInt8(ascii: "/") && byte != UInt8(ascii: "?") && byte != UInt8(ascii: "|")
                ? String(UnicodeScalar(byte)) : "%" + String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
    }

    /// RFC 3986 unreserved, and what RFC 7512 section 2.3 adds; `|` is let through to be refused by its own rule.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "-._~:[]@!$'()*+,=/?|".utf8.contains(byte)
        }
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
