/// Which release of the appliance this is.
package enum Build {
    /// Goes up with every release; what was built of it the hash of the executable says.
    package static let version = "0.1.0"
}
