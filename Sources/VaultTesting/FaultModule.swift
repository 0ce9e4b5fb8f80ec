internal import Foundation
package import HSMBridge
internal import Synchronization

/// The fault-injecting PKCS#11 library of a test process, in front of a SoftHSM that no other test uses.
///
/// The library is the real one, loaded by path as any vendor's (docs/testing-hsm.md). Behind it stands a copy of SoftHSM
/// with tokens of its own: one library has one state a process, and SoftHSM's file locks do not hold between two in one
/// process. Its script is one file for the process; rules name their token, so that tests run side by side.
package final class FaultModule: Sendable {
    /// One rule that is in force.
    package struct Rule: Sendable, Hashable {
        fileprivate let number: Int
    }

    private struct Script {
        var rules: [(number: Int, line: String)] = []
        var next = 1
    }

    /// Where a test's tokens come from.
    private enum Supply: Sendable {
        case pool([SoftHSMDirectory.Token])
        /// Those of the process's SoftHSM, which a copy of the library sees as well.
        case fixture
    }

    private static let outcome = Result { try FaultModule() }

    /// Where the library lies.
    package let path: String
    /// SOFTHSM2_CONF of the tokens behind it, for other processes.
    package var configurationFile: String { directory + "/softhsm2.conf" }
    private let directory: String
    private let supply: Supply
    private let taken = Mutex(0)
    private let script = Mutex(Script())
    private static let poolSize = 192

    /// The fault module of this process; its product must have been built.
    package static func shared() throws -> FaultModule { try outcome.get() }

    /// The faults of a token that no other test has.
    package func takeToken() throws -> TokenFaults {
        guard case .pool(let tokens) = supply else {
            return TokenFaults(module: self, token: try SoftHSMFixture.shared().takeToken())
        }
        let index = taken.withLock { taken in
            defer { taken += 1 }
            return taken
        }
        guard index < tokens.count else {
            throw SoftHSMDirectory.Failure(description: "more than \(FaultModule.poolSize) tokens taken")
        }
        return TokenFaults(module: self, token: tokens[index])
    }

    /// The faults of a token that a test has taken.
    package func faults(of token: SoftHSMDirectory.Token) -> TokenFaults { TokenFaults(module: self, token: token) }

    /// How often a function was called that concerns no token, up to now; the library must be loaded.
    package func calls(of function: String) throws -> Int { try tally().calls(of: function, token: "-") }

    /// Opens a token behind the fault module; the caller shuts it down.
    package func open(_ faults: TokenFaults, configuration: HSM.Configuration) async throws -> HSM {
        try await HSM.open(
            modulePath: path, token: TokenURI(faults.token.uri), pin: PIN(file: faults.token.pinFile),
            configuration: configuration)
    }

    /// Every call of the functions suffers the fault until it is lifted, whatever token it concerns.
    package func always(_ functions: String, _ fault: String) throws -> [Rule] { try add(["\(functions) \(fault)"]) }

    /// Lifts faults; calls that hang by them go on.
    package func lift(_ rules: [Rule]) throws { try remove(rules) }

    /// Puts rules into force with the next call, all at once; `line` is as in the script, with its token.
    func add(_ lines: [String]) throws -> [Rule] {
        try script.withLock { script in
            var added: [Rule] = []
            for line in lines {
                // The number makes each rule new to the library, though its words were there before.
                script.rules.append((script.next, "\(line) # \(script.next)"))
                added.append(Rule(number: script.next))
                script.next += 1
            }
            try write(script)
            return added
        }
    }

    /// Takes rules out of force.
    func remove(_ rules: [Rule]) throws {
        try script.withLock { script in
            script.rules.removeAll { rule in rules.contains { $0.number == rule.number } }
            script.next += 1
            try write(script)
        }
    }

    /// The tally as it stands now.
    func tally() throws -> FaultTally {
        // Safety: the library is loaded for the life of the process; the symbol has this type (FaultModule.h).
        guard let library = unsafe dlopen(path, RTLD_NOW | RTLD_NOLOAD), let symbol = unsafe dlsym(library, Self.symbol)
        else { throw SoftHSMDirectory.Failure(description: "\(path) is not loaded") }
        // Safety: as above.
        let write = unsafe unsafeBitCast(symbol, to: (@convention(c) () -> CInt).self)
        guard write() == 0 else { throw SoftHSMDirectory.Failure(description: "the tally cannot be written") }
        return FaultTally(try String(contentsOfFile: directory + "/tally", encoding: .utf8))
    }

    private static let symbol = "fault_module_write_tally"

    /// Puts the script in place as a whole, with a time of change of its own: file systems keep too coarse a clock.
    private func write(_ script: borrowing Script) throws {
        let text = script.rules.map { $0.line + "\n" }.joined()
        let file = directory + "/script"
        try Data(text.utf8).write(to: URL(filePath: file + ".new"))
        let time = Date(timeIntervalSince1970: Double(script.next))
        try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: file + ".new")
        // Safety: the strings live through the call.
        guard unsafe rename(file + ".new", file) == 0 else {
            throw SoftHSMDirectory.Failure(description: "\(file) cannot be written")
        }
    }

    /// A copy of the library that no other test uses, not loaded yet: what strikes all of it strikes nobody else.
    ///
    /// Behind it stands a copy of SoftHSM with the tokens of the process's fixture.
    package init(ofItsOwn name: String) throws {
        let fixture = try SoftHSMFixture.shared()
        directory = "\(fixture.directory.path)/\(name)-\(UUID().uuidString)"
        path = directory + "/libfaulty.so"
        supply = .fixture
        let files = FileManager.default
        try files.createDirectory(atPath: directory, withIntermediateDirectories: false)
        try files.copyItem(atPath: try BuildProduct.path(of: "libFaultModule.so"), toPath: path)
        try files.copyItem(
            atPath: URL(filePath: fixture.modulePath).resolvingSymlinksInPath().path, toPath: directory + "/softhsm.so")
        let variables = """
            FAULT_MODULE_TARGET=\(directory)/softhsm.so
            FAULT_MODULE_SCRIPT=\(directory)/script
            FAULT_MODULE_TALLY=\(directory)/tally

            """
        try Data(variables.utf8).write(to: URL(filePath: path + ".env"))
    }

    private init() throws {
        let fixture = try SoftHSMFixture.shared()
        // Before SOFTHSM2_CONF names another directory: the library reads it when it is initialised.
        _ = try Module.load(path: fixture.modulePath)
        let directory = fixture.directory.path + "/faults"
        self.directory = directory
        path = try BuildProduct.path(of: "libFaultModule.so")
        let softHSM = try SoftHSMDirectory(
            path: directory, labels: (1000..<1000 + FaultModule.poolSize).map { "fault-\($0)" })
        supply = .pool(softHSM.tokens)
        try FileManager.default.copyItem(
            atPath: URL(filePath: fixture.modulePath).resolvingSymlinksInPath().path, toPath: directory + "/softhsm.so")
        // Safety: as the fixture's own: once per process, before the library that reads them is initialised.
        unsafe setenv("FAULT_MODULE_TARGET", directory + "/softhsm.so", 1)
        unsafe setenv("FAULT_MODULE_SCRIPT", directory + "/script", 1)
        unsafe setenv("FAULT_MODULE_TALLY", directory + "/tally", 1)
        unsafe setenv("SOFTHSM2_CONF", softHSM.configurationFile, 1)
        // Safety: other programs that tests start see the fixture's tokens again.
        defer { unsafe setenv("SOFTHSM2_CONF", fixture.directory.configurationFile, 1) }
        _ = try Module.load(path: path)
    }
}
