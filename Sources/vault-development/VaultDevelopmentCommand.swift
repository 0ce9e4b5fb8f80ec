import ArgumentParser
import Glibc
import StrictEncoding

/// The tools of a development environment; production hosts do not install them.
@main
struct VaultDevelopmentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vault-development",
        abstract: "Certificates, identity providers and tokens for development and tests. Not for production.",
        discussion:
            "Private keys are read from files and written to files with mode 0600; existing files are never overwritten.",
        subcommands: [
            PKI.self, SignRequest.self, Issuer.self, MintToken.self, FreePorts.self, Conformance.self,
            ShamirCommand.self,
        ])

    /// The system's clock.
    static func now() -> UnixTime {
        var now = timespec()
        // Safety: clock_gettime writes one timespec into the variable it is given and keeps no pointer.
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return UnixTime(milliseconds: Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000)
    }
}
