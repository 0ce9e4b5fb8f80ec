import Foundation
import Testing

@testable import VaultAppliance

/// Every kind of fault of a configuration file, with its field and line.
@Suite struct ConfigurationFaultTests {
    static let origin = "must be an https URL of host and port alone"
    static let https = "must be an https URL without query, fragment and slash at its end"
    static let witnessURL =
        "must be an https URL, or an http URL of a loopback address, without query and slash at its end"
    static let slashed = "must be an https URL without query and with a slash at its end"
    static let visible = "must be visible ASCII without spaces"
    static let uri = "must be a PKCS#11 URI of token, serial, manufacturer or model, and nothing else"
    static let twice = "stands twice"

    @Test("a fault is reported alone, with its field and line", arguments: structure + values + crossings)
    func fault(fault: FaultCase) throws {
        let config = try fault.apply(to: ConfigurationFixture.config)
        let faults = ConfigurationFixture.lines(try ConfigurationFixture(config: config).faults())
        if config.contains("HERE") {
            #expect(faults == [try fault.expected(in: config)])
        } else {
            #expect(faults.count == 1)
            #expect(faults.first?.hasSuffix(": \(fault.field): \(fault.message)") == true, "\(faults)")
        }
    }

    @Test func twoIssuersOfSubjectsMustNotYieldTheSameSubject() throws {
        func faults(_ first: String, _ second: String) throws -> [String] {
            let config = ConfigurationFixture.config
                .replacingOccurrences(of: "    subject_prefix: \"corp:\"\n", with: first)
                .replacingOccurrences(of: "roles: [actor]\n", with: "roles: [actor, subject]\n" + second)
            return ConfigurationFixture.lines(try ConfigurationFixture(config: config).faults())
        }
        let corp = "    subject_prefix: \"corp:\"\n"
        let ambiguous = "is or begins the prefix of another issuer, or is begun by it"
        #expect(try faults(corp, "    subject_prefix: \"agents:\"\n") == [])
        #expect(try faults(corp, "") == [])
        #expect(
            try faults("", "") == ["56: issuers[1].subject_prefix: is missing, and another issuer has none either"])
        #expect(try faults(corp, corp) == ["60: issuers[1].subject_prefix: \(ambiguous)"])
        #expect(try faults(corp, "    subject_prefix: co\n") == ["60: issuers[1].subject_prefix: \(ambiguous)"])
        #expect(try faults(corp, "    subject_prefix: \"corp:x\"\n") == ["60: issuers[1].subject_prefix: \(ambiguous)"])
    }

    @Test func aSocketPathThatUnixCannotHoldIsAFault() throws {
        let name = String(repeating: "a", count: 108)
        let fault = FaultCase(
            "run/front.sock", "/\(name) # HERE", "core.front_socket",
            "must be at most 107 bytes long, is 109 with its directory")
        let config = try fault.apply(to: ConfigurationFixture.config)
        let faults = try ConfigurationFixture(config: config).faults()
        #expect(ConfigurationFixture.lines(faults) == [try fault.expected(in: config)])
    }

    @Test("bytes that are no text are a fault", arguments: [[0xFF, 0x00], [0x61, 0x3A, 0x20, 0x01]] as [[UInt8]])
    func binary(bytes: [UInt8]) {
        let source = YAMLSource(file: "config.yaml")
        _ = source.read(bytes)
        #expect(source.faults.count == 1)
    }

    @Test func whatATerminalWouldObeyIsNotRepeatedFromTheFile() throws {
        let faults = try ConfigurationFixture(config: "\"a\\e[2J\\n\\u202eb\": 1\n").faults()
        let fault = try #require(faults.first { $0.message == "is not a known field" })
        #expect(fault.field == "a\u{1B}[2J\n\u{202E}b")
        #expect(fault.description.contains(#"a\u{1b}[2J\u{a}\u{202e}b: is not a known field"#))
    }

    @Test("a file without content is a fault", arguments: ["\n", "# only a comment\n", "---\n", "[]\n", "text\n"])
    func empty(text: String) throws {
        let faults = try ConfigurationFixture(config: text).faults()
        #expect(faults.count == 1)
        #expect(faults.first?.field == "")
    }
}
