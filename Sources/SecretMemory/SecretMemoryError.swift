/// Why there is no locked memory.
package enum SecretMemoryError: Error, Equatable, CustomStringConvertible {
    /// The system locks no more (RLIMIT_MEMLOCK).
    case notLocked

    package var description: String { "no locked memory is to be had: raise the limit (RLIMIT_MEMLOCK)" }
}
