import Foundation
import VaultTesting

@testable import VaultCore

extension FaultModule {
    /// Runs children behind this module, with the tokens and the script that this process sees there.
    func child(in directory: String) throws -> TokenChild {
        let program = try BuildProduct.path(of: "vault-appliance")
        let wrapper = directory + "/child"
        let text = """
            #!/bin/sh
            unset FAULT_MODULE_TALLY
            SOFTHSM2_CONF='\(configurationFile)' exec '\(program)' "$@"

            """
        try Data(text.utf8).write(to: URL(filePath: wrapper))
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: wrapper)
        return TokenChild(executable: wrapper)
    }
}

extension CoreSite {
    /// The same site on a token behind the fault module.
    func on(_ faults: TokenFaults, of module: FaultModule) -> CoreSite {
        var settings = settings
        settings.tokens[0].module = module.path
        settings.tokens[0].uri = faults.token.uri
        settings.tokens[0].pinFile = faults.token.pinFile
        return CoreSite(token: faults.token, clock: clock, settings: settings, directory: directory)
    }
}
