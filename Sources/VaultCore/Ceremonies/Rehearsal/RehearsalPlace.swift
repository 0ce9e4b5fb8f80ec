import Custody
import Foundation
import Glibc
import HSMBridge
import StrictEncoding

/// A directory with a SoftHSM of its own, for as long as a rehearsal takes.
///
/// For a process that does nothing else: PKCS#11 libraries are configured by the environment, once.
struct RehearsalPlace: Sendable {
    /// The directory.
    let path: String
    /// SoftHSM's library.
    let module: String

    /// Makes the directory and lets the library find it.
    init(softHSM: String) throws(CustodyError) {
        module = softHSM
        path = NSTemporaryDirectory() + "/vault-rehearsal-" + Hexadecimal.string(CoreCeremony.random(8))
        try PrivateFile.makeDirectory(path)
        do {
            try prepare()
        } catch {
            remove()
            throw error
        }
    }

    /// Removes everything; what was played with is worth nothing to anybody.
    func remove() { try? FileManager.default.removeItem(atPath: path) }

    private func prepare() throws(CustodyError) {
        try PrivateFile.makeDirectory("\(path)/tokens")
        let text = SoftHSM.configuration(tokens: "\(path)/tokens")
        try PrivateFile.create("\(path)/softhsm2.conf", Array(text.utf8))
        // Safety: commands run on one thread at this point, and the library is loaded afterwards.
        guard unsafe setenv("SOFTHSM2_CONF", "\(path)/softhsm2.conf", 1) == 0 else {
            throw CustodyError(.systemRefused, "SOFTHSM2_CONF cannot be set (errno \(errno))")
        }
    }

    /// A throw-away token in the place of a planned one: initialised where the plan adopts it, else to be initialised.
    func standIn(_ planned: PlannedToken, number: Int, child: TokenChild) async throws -> PlannedToken {
        var token = planned
        let label = (try TokenURI(planned.uri)).token ?? "rehearsal-\(number)"
        token.module = module
        token.uri = TokenURI(label: label).description
        let file = "\(path)/so-pin-\(number)"
        token.soPINFile = file
        let officer = try Genesis.randomPIN(longest: 32)
        try PrivateFile.create(file, officer)
        guard planned.preparation == .adopt else { return token }
        let (user, userFile) = (try Genesis.randomPIN(longest: 32), "\(path)/pin-\(number)")
        token.pinFile = userFile
        try PrivateFile.create(userFile, user)
        _ = try await child.run(.initialise(label: label), module: module, secrets: [officer, user])
        return token
    }

    /// A key that SoftHSM can make: it knows OAEP with SHA-1 alone.
    static func playable(_ key: PlannedKey) -> PlannedKey {
        var key = key
        key.algorithm = playable(key.algorithm)
        return key
    }

    /// The algorithm that stands in for one.
    static func playable(_ algorithm: String) -> String { algorithm == "RSA-OAEP-256" ? "RSA-OAEP" : algorithm }
}
