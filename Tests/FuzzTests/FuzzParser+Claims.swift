import StrictEncoding

@testable import Minting
@testable import VaultAppliance

extension FuzzParser {
    /// Whatever signed claims say: names are bounded and plain, times are whole seconds, chains end.
    func claims(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let object = (try? JSONParser.parse(input))?.object else { return false }
        let reader = ClaimReader(claims: object)
        guard let audiences = try? reader.audiences(), let subject = try? reader.requiredName("sub"),
            let actors = try? reader.actors(), let groups = try? reader.groups("groups") ?? [],
            let expiry = try? reader.time("exp") ?? 0, (try? reader.mayAct()) != nil || object["may_act"] == nil
        else { return false }
        let names = audiences + [subject] + actors.map(\.subject) + actors.compactMap(\.issuer)
        try FuzzFinding.unless(
            names.allSatisfy { VisibleASCII.isName($0, maximum: 512) }, "accepts a name that is not plain")
        try FuzzFinding.unless(groups.allSatisfy { !$0.isEmpty && $0.utf8.count <= 512 }, "accepts an odd group")
        try FuzzFinding.unless(
            expiry >= 0 && actors.count <= ClaimReader.maximumActors && audiences.count <= InboundAudience.maximumCount,
            "accepts more than it may")
        return true
    }

    /// A certificate that a stranger offers: every name of it is visible ASCII, and so are what they become.
    func certificate(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let certificate = try? PeerCertificate(der: input) else { return false }
        let names = certificate.uris + certificate.dnsNames
        let isPlain = names.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } }
        try FuzzFinding.unless(
            isPlain && names.count <= 2 * PeerCertificate.maximumNames, "takes a name that is not plain")
        try FuzzFinding.unless(
            certificate.subject?.utf8.allSatisfy { (0x20...0x7E).contains($0) } ?? true, "takes an odd subject")
        let id = certificate.spiffeID
        try FuzzFinding.unless(id == nil || certificate.uris == [id?.text], "makes up a SPIFFE id")
        return true
    }

    /// Two ids are the same exactly when their bytes are: nothing in one that a reader would change.
    func spiffeID(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let text = String(validating: input, as: UTF8.self), let id = SPIFFEID(text) else { return false }
        let segments = text.utf8.dropFirst("spiffe://".utf8.count).split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let path = segments.dropFirst()
        let isOdd = path.contains { $0.isEmpty || $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) }
        try FuzzFinding.unless(!isOdd && !path.isEmpty, "accepts an odd path")
        try FuzzFinding.unless(
            text.hasPrefix(id.trustDomain + "/") && !text.utf8.contains(where: "%?#@ ".utf8.contains),
            "accepts what another reader would change")
        return true
    }
}
