internal import Glibc

/// SoftHSM, which stands in for an HSM in rehearsals, tests and development.
package enum SoftHSM {
    /// Where Debian, Ubuntu and others put its library.
    package static let usualPaths = [
        "/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so",
    ]

    /// The library of this machine; nil when it is at none of the usual places.
    package static var installedLibrary: String? {
        // Safety: the string lives through the call.
        usualPaths.first { unsafe access($0, R_OK) == 0 }
    }

    /// The text of a softhsm2.conf for tokens in this directory.
    ///
    /// A forked child must not inherit a login (SoftHSMv2 pull request 513).
    package static func configuration(tokens: String) -> String {
        """
        directories.tokendir = \(tokens)
        objectstore.backend = file
        log.level = ERROR
        slots.removable = false
        library.reset_on_fork = true

        """
    }
}
