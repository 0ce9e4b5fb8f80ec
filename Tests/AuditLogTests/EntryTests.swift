import Foundation
import StrictEncoding
import Testing

@testable import AuditLog

@Suite struct EntryTests {
    /// Every member there is.
    static var full: Entry {
        var entry = Entry(kind: .configLoaded)
        entry.time = UnixTime(milliseconds: 1_800_000_000_123)
        entry.requestID = "r-1"
        entry.client = "gateway-mcp"
        entry.user = .init(iss: "https://idp.acme.example", sub: "alice \"quoted\" \\ ü €")
        entry.actors = [
            .init(iss: "https://agents.acme.example", sub: "sales-assistant"), .init(iss: nil, sub: "second"),
        ]
        entry.target = "demo-api"
        entry.tool = "crm.update_opportunity"
        entry.actions = ["update", "read"]
        entry.locations = []
        entry.identifier = "0065g00000Xyz"
        entry.argumentsSHA256 = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
        entry.requestedScope = "a b"
        entry.grantedScope = "a"
        entry.ruleID = "crm-update"
        entry.bundle = String(repeating: "ab", count: 32)
        entry.custody = "development"
        entry.manifestVersion = 3
        entry.kid = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        entry.keyLabel = "sign-es256"
        entry.jti = "0123456789abcdef"
        entry.exp = 1_800_000_060
        entry.iat = 1_800_000_000
        entry.inputSHA256 = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
        entry.tokenKind = "at+jwt"
        entry.txn = "t-1"
        entry.code = "invalid_target"
        entry.reason = "no rule"
        entry.audience = "https://api.acme.example"
        entry.peer = String(repeating: "cd", count: 32)
        entry.operator = "SHA256:abc"
        entry.count = 7
        entry.first = UnixTime(milliseconds: 1_800_000_000_001)
        entry.last = UnixTime(milliseconds: 1_800_000_000_002)
        entry.secret = "slack-bot"
        entry.secretVersion = 2
        entry.subject = .init(iss: "https://idp.acme.example", sub: "bob")
        entry.subjectType = "user"
        entry.until = 1_800_014_400
        entry.credentialSHA256 = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
        entry.detail = ["b": "2", "a": "1", "A": "3"]
        return entry
    }

    @Test func theCanonicalFormIsThatOfTheGeneralWriter() throws {
        let bytes = Self.full.canonicalBytes
        #expect(bytes == JSONWriter.canonical(try JSONParser.parse(bytes)))
    }

    @Test func theFormIsStable() {
        var entry = TestLog.entry(1)
        entry.time = UnixTime(milliseconds: 1_800_000_000_123)
        entry.user = .init(iss: "i", sub: "s\n\u{1}\u{7f}")
        #expect(
            String(decoding: entry.canonicalBytes, as: UTF8.self)
                == #"{"jti":"1","kind":"mint","time":"2027-01-15T08:00:00.123Z","user":{"iss":"i","sub":"s\n\u0001"#
                + "\u{7f}\"}}")
    }

    @Test func anEntryComesBackAsItWas() throws {
        #expect(try Entry(jsonBytes: Self.full.canonicalBytes) == Self.full)
        for member in Entry.Member.allCases { #expect(Self.members.contains(member.rawValue)) }
    }

    private static var members: [String] {
        (try? JSONParser.parse(full.canonicalBytes).object?.names) ?? []
    }

    @Test(arguments: Entry.Kind.allCases) func everyKindComesBack(kind: Entry.Kind) throws {
        #expect(try Entry(jsonBytes: Entry(kind: kind).canonicalBytes).kind == kind)
    }

    @Test(arguments: [
        #"[]"#, #"{}"#, #"{"kind":"mint""#, #"{"kind":"no.such"}"#, #"{"kind":"mint","kind":"mint"}"#,
        #"{"kind":"mint","subject_token":"x"}"#, #"{"kind":"mint","Jti":"x"}"#, #"{"kind":"mint","jti":1}"#,
        #"{"kind":"mint","jti":null}"#, #"{"kind":"mint","exp":"1"}"#, #"{"kind":"mint","exp":1.5}"#,
        #"{"kind":"mint","exp":-1}"#, #"{"kind":"mint","actions":"x"}"#, #"{"kind":"mint","actions":[1]}"#,
        #"{"kind":"mint","user":"alice"}"#, #"{"kind":"mint","user":{"iss":"i"}}"#,
        #"{"kind":"mint","user":{"iss":"i","sub":"s","x":"y"}}"#, #"{"kind":"mint","user":{"sub":"s","x":"y"}}"#,
        #"{"kind":"mint","user":{"iss":1,"sub":"s"}}"#, #"{"kind":"mint","actors":{"sub":"s"}}"#,
        #"{"kind":"mint","time":"2027-01-15T08:00:00Z"}"#, #"{"kind":"mint","time":1}"#,
        #"{"kind":"mint","detail":{"a":"b"}}"#, #"{"kind":"config.loaded","detail":{"a":1}}"#,
        #"{"kind":"config.loaded","detail":{"":"b"}}"#, #"{"kind":"config.loaded","detail":{"ü":"b"}}"#,
        #"{"kind":"mint","jti":"a\nb"}"#, #"{"kind":"mint","jti":"a\u007fb"}"#, #"{"kind":"mint","jti":"a\u0085b"}"#,
        #"{"kind":"denied","first":1}"#, #"{"kind":"denied","last":"now"}"#, #"{"kind":"cutoff","subject":"x"}"#,
        #"{"kind":"cutoff","until":-1}"#, #"{"kind":"secret.opened","secret_version":"1"}"#,
        #"{"kind":"secret.opened","detail":{"a":"b"}}"#, #"{"kind":"revoked","subject_type":"a\nb"}"#,
        #"{"kind":"mint","user":{"sub":"a\u001bb"}}"#, #"{"kind":"mint","locations":["a\tb"]}"#,
    ])
    func whatIsOutsideTheAllowListIsRefused(json: String) {
        #expect(code { _ = try Entry(jsonBytes: Array(json.utf8)) } == .invalidEntry)
    }

    @Test func stringsListsAndWholeEntriesAreBounded() throws {
        var entry = Entry(kind: .mint)
        entry.jti = String(repeating: "x", count: 512)
        entry.grantedScope = String(repeating: "x", count: 2048)
        entry.actions = Array(repeating: "a", count: 32)
        #expect(try Entry(jsonBytes: entry.canonicalBytes) == entry)
        let changes: [(inout Entry) -> Void] = [
            { $0.jti?.append("x") }, { $0.grantedScope?.append("x") }, { $0.actions?.append("a") },
            { $0.actors = Array(repeating: .init(iss: nil, sub: "s"), count: 33) },
            { $0.user = .init(iss: nil, sub: String(repeating: "ü", count: 257)) },
            // Each string is within its bound, but not all of them together.
            { $0.locations = Array(repeating: String(repeating: "x", count: 2048), count: 32) },
        ]
        for change in changes {
            var changed = entry
            change(&changed)
            #expect(code { _ = try changed.prepared() } == .invalidEntry)
            #expect(code { _ = try Entry(jsonBytes: changed.canonicalBytes) } == .invalidEntry)
        }
    }

    @Test func theTimeIsStampedWhereItBelongs() throws {
        let entry = Self.full
        var prepared = try entry.prepared()
        prepared.stamp(Array(UnixTime(milliseconds: 1_800_000_000_123).rfc3339.utf8))
        #expect(prepared.bytes == entry.canonicalBytes)
    }

    @Test func thePublishedSchemaIsThatOfTheCode() throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent().path + "/../../docs/audit-entry.schema.json"
        let published = try JSONParser.parse(Array(Data(contentsOf: URL(filePath: path))))
        let isCurrent = JSONWriter.canonical(published) == JSONWriter.canonical(Entry.schema)
        #expect(isCurrent, "run: vault-appliance audit schema > docs/audit-entry.schema.json")
        let properties = published.object?["properties"]?.object
        #expect(properties?.names.sorted() == Entry.Member.allCases.map(\.rawValue).sorted())
    }
}
