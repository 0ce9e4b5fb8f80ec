import CFuzzer

/// Coverage-guided fuzzing of one parser: `fuzz-parsers PARSER [LIBFUZZER ARGUMENT]...`; scripts/fuzz builds and runs it.
///
/// libFuzzer keeps the input of a crash or a broken promise in a file and exits with a status other than 0.
@main
struct Fuzz {
    /// Chosen once, since libFuzzer's callback can be told nothing.
    private static let parser = FuzzParser(rawValue: CommandLine.arguments.dropFirst().first ?? "")

    static func main() {
        guard parser != nil else {
            print(FuzzParser.allCases.map(\.rawValue).joined(separator: "\n"))
            return
        }
        // libFuzzer wants the name of the program first; the parser's name takes its place.
        var count = CommandLine.argc - 1
        // Safety: the arguments live as long as the process, and libFuzzer alone uses them from here on.
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = unsafe CommandLine.unsafeArgv + 1
        // Safety: both variables outlive the call; the bytes are copied before the callback returns.
        _ = unsafe LLVMFuzzerRunDriver(&count, &arguments) { bytes, size in
            let input = unsafe [UInt8](UnsafeBufferPointer(start: bytes, count: size))
            do {
                _ = try Fuzz.parser?.parse(input)
            } catch {
                // libFuzzer takes it for a crash and keeps the input.
                fatalError("\(error)")
            }
            return 0
        }
    }
}
