import StrictEncoding

/// One thing wrong with a configuration or policy file: where, what, and what to do about it.
package struct ConfigurationFault: Sendable, Equatable, CustomStringConvertible {
    /// The file as the operator or the configuration named it.
    package let file: String
    /// Counts from 1; nil when the fault is with the file as a whole.
    package let line: Int?
    /// As in `listeners.gateway.port` or `keys[2].alg`; empty when the fault is with the file as a whole.
    package let field: String
    /// What is wrong; never the value of a field that could hold a secret.
    package let message: String
    /// What to do about it.
    package let mend: String

    /// The fault on one line.
    ///
    /// As in `config.yaml:12: listeners.gateway.port: must be 1...65535, is 70000. Mend: choose a free port.`
    ///
    /// A file may be somebody else's draft: of what it holds nothing is repeated that a terminal would obey, or that would
    /// show a line other than it is.
    package var description: String {
        let place = line.map { "\(file):\($0)" } ?? file
        return "\(place): \(field.isEmpty ? "" : field + ": ")\(message). Mend: \(mend).".visible
    }
}

/// Everything that is wrong with a configuration, so that it is mended in one go.
package struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// At least one, in the order of files and lines.
    package let faults: [ConfigurationFault]

    /// One line a fault.
    package var description: String { faults.map(\.description).joined(separator: "\n") }
}
