import StrictEncoding

/// A request for shares as custodians get it: a directory with the request, its signature and what they check it with.
package struct RequestDirectory: Sendable {
    private let request: ActivationRequest
    private let signature: String
    private let chain: ManifestChain

    /// A request with the host key's signature over its file, and the manifests whose custodians are asked.
    package init(_ request: ActivationRequest, signature: String, chain: ManifestChain) {
        self.request = request
        self.signature = signature
        self.chain = chain
    }

    /// Writes everything anew; the request comes last, so that whoever sees it sees the others too.
    ///
    /// Answers to an earlier request that lie there are nobody's any more and go.
    package func write(to directory: String) throws(CustodyError) {
        try PrivateFile.makeDirectory("\(directory)/manifests")
        for name in try PrivateFile.names(in: directory) where name != "manifests" {
            try PrivateFile.remove("\(directory)/\(name)")
        }
        for manifest in chain.manifests {
            try PrivateFile.replace("\(directory)/manifests/\(manifest.version).json", manifest.jsonBytes)
        }
        let hostKey = "appliance \(chain.current.hostKey ?? "")\n"
        try PrivateFile.replace("\(directory)/host.allowed_signers", Array(hostKey.utf8))
        try PrivateFile.replace("\(directory)/request.json.sig", Array(signature.utf8))
        try PrivateFile.replace("\(directory)/README", Array(readme.utf8))
        try PrivateFile.replace("\(directory)/request.json", request.bytes)
    }

    private var commands: String {
        guard request.provesNewShares else { return "  vault-appliance custodian contribute --request DIRECTORY" }
        return """
              vault-appliance custodian contribute --request DIRECTORY --share FILE
            FILE is the new share that you were given. Who is new here is asked for the words of the genesis: get them from a
            custodian who was there before, by word of mouth, and from nobody else. Accept the new manifest afterwards, when the
            ceremony is completed; the one that lies here is not in force yet.
            """
    }

    private var readme: String {
        """
        Appliance \(request.appliance) asks for shares. Words: \(request.words). Open until \(request.expires.rfc3339).

        With our command:
        \(commands)

        With stock tools alone, in this directory. NAME is your name in the manifest; identity and id_ssh are the files in
        your own directory (~/.vault-custodian), and your share lies there as
        appliances/\(request.appliance)/share-\(request.epoch).age:
          1. Is it our appliance that asks? Compare host.allowed_signers with the key you know from the ceremony, then
             ssh-keygen -Y verify -f host.allowed_signers -I appliance -n \(SignaturePurpose.request.namespace) \\
               -s request.json.sig < request.json
          2. Is "manifest" in request.json the newest you know, and has "expires" not passed? Are the words those that were
             read to you? If anything differs: stop, and call the others.
          3. age -d -i identity share-\(request.epoch).age | age -r \(request.recipient) -o NAME.age
          4. ssh-keygen -Y sign -f id_ssh -n \(SignaturePurpose.contribution(request: request.hash).namespace) NAME.age
          5. Send NAME.age and NAME.age.sig to the administrator.

        """
    }
}
