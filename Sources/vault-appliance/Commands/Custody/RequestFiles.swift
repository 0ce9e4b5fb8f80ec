import Custody
import StrictEncoding

/// A request as custodians get it: files that our command reads, and stock tools too.
struct RequestFiles {
    private let request: ActivationRequest
    private let signature: String
    private let chain: ManifestChain

    /// A request as the core describes it.
    init(_ object: JSONObject, chain: ManifestChain) throws {
        request = try ActivationRequest(file: Array((object["file"]?.string ?? "").utf8))
        signature = object["signature"]?.string ?? ""
        self.chain = chain
    }

    /// Writes everything anew; files that are there are never overwritten.
    func write(to directory: String) throws {
        try PrivateFile.makeDirectory(directory + "/manifests")
        for manifest in chain.manifests {
            try PrivateFile.create("\(directory)/manifests/\(manifest.version).json", manifest.jsonBytes)
        }
        let hostKey = "appliance \(chain.current.hostKey ?? "")\n"
        try PrivateFile.create("\(directory)/host.allowed_signers", Array(hostKey.utf8))
        try PrivateFile.create("\(directory)/request.json.sig", Array(signature.utf8))
        try PrivateFile.create("\(directory)/README", Array(readme.utf8))
        // Last, so that whoever sees it sees the others too.
        try PrivateFile.create("\(directory)/request.json", request.bytes)
    }

    private var readme: String {
        """
        Appliance \(request.appliance) asks for shares. Words: \(request.words). Open until \(request.expires.rfc3339).

        With our command:
          vault-appliance custodian contribute --request DIRECTORY

        With stock tools alone, in this directory (alice, share-\(request.epoch).age, identity and id_ssh are yours):
          1. Is it our appliance that asks? Compare host.allowed_signers with the key you know from the ceremony, then
             ssh-keygen -Y verify -f host.allowed_signers -I appliance -n \(SignaturePurpose.request.namespace) \\
               -s request.json.sig < request.json
          2. Is "manifest" in request.json the newest you know, and has "expires" not passed? Are the words those that were
             read to you? If anything differs: stop, and call the others.
          3. age -d -i identity share-\(request.epoch).age | age -r \(request.recipient) -o alice.age
          4. ssh-keygen -Y sign -f id_ssh -n \(SignaturePurpose.contribution(request: request.hash).namespace) alice.age
          5. Send alice.age and alice.age.sig to the administrator.

        """
    }
}
