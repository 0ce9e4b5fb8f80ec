import Crypto
import Foundation
import StrictEncoding
import Synchronization
import Testing

@testable import VaultAppliance

@Suite struct TLSIdentityTests {
    private func code(_ tls: TestTLS, chain: String, now: UnixTime = .now) throws
        -> ListenerError.Code?
    {
        let file = try tls.directory.write("chain.pem", chain)
        do {
            _ = try TLSIdentity(chainFile: file, keys: [tls.hsmKey()], now: now)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func aCertificateForAnotherKeyIsRefused() throws {
        let tls = try TestTLS()
        #expect(try code(tls, chain: tls.authority.issueServer().pem) == .keyMismatch)
    }

    @Test func theErrorNamesTheFileAndTheKey() throws {
        let tls = try TestTLS()
        let file = try tls.directory.write("chain.pem", try tls.authority.issueServer().pem)
        let error = #expect(throws: ListenerError.self) {
            try TLSIdentity(chainFile: file, keys: [tls.hsmKey()], now: .now)
        }
        #expect(error?.context.hasPrefix("\(file): ") == true)
        #expect(error?.context.contains("tls-gateway") == true)
    }

    @Test func filesThatHoldNoCertificateAreRefused() throws {
        let tls = try TestTLS()
        #expect(try code(tls, chain: "") == .malformedCertificate)
        #expect(
            try code(tls, chain: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
                == .malformedCertificate)
        #expect(throws: ListenerError(.unreadableFile, "")) {
            try TLSIdentity(chainFile: tls.directory.path + "/none.pem", keys: [tls.hsmKey()], now: .now)
        }
        for text in ["", "no certificate", tls.authority.key.pemRepresentation] {
            #expect(throws: ListenerError(.malformedCertificate, "")) { try ClientAuthorities(pem: Array(text.utf8)) }
        }
    }

    @Test func aChainMustBeInOrder() throws {
        let tls = try TestTLS()
        let leaf = try tls.authority.issueServer(key: tls.key).pem
        let other = try TestAuthority("Other CA").pem
        #expect(try code(tls, chain: leaf + "\n" + tls.authority.pem) == nil)
        #expect(try code(tls, chain: leaf + "\n" + other) == .brokenChain)
        #expect(try code(tls, chain: tls.authority.pem + "\n" + leaf) == .keyMismatch)
    }

    @Test func aChainOutsideItsValidityIsRefused() throws {
        let tls = try TestTLS()
        let leaf = try tls.authority.issueServer(key: tls.key)
        let facts = try PeerCertificate(der: try leaf.der)
        #expect(try code(tls, chain: leaf.pem, now: facts.notAfter) == nil)
        #expect(try code(tls, chain: leaf.pem, now: facts.notAfter.adding(seconds: 1)) == .outsideValidity)
        #expect(try code(tls, chain: leaf.pem, now: facts.notBefore.adding(seconds: -1)) == .outsideValidity)
    }

    @Test func eachTokenHasAChainAndAConnectionTakesTheFirstThatIsWell() throws {
        let tls = try TestTLS()
        let other = P256.Signing.PrivateKey()
        let keys = [
            tls.hsmKey(),
            HSMTLSKey(label: "tls-gateway", kid: "other", publicKey: Array(other.publicKey.rawRepresentation)) { _, _ in
                []
            },
        ]
        let first = try tls.authority.issueServer(key: tls.key)
        let second = try tls.authority.issueServer(key: other)
        let chains = try [first.pem, tls.authority.pem, second.pem, tls.authority.pem].joined(separator: "\n")
        let file = try tls.directory.write("chains.pem", chains)
        let away = Mutex<Set<String>>([])
        let identity = try TLSIdentity(
            chainFile: file, keys: keys, now: .now, isAvailable: { kid in !away.withLock { $0.contains(kid) } })
        #expect(identity.leaves.count == 2)
        let fingerprints = identity.leaves.map(\.fingerprint)
        #expect(identity.leaf.fingerprint == fingerprints[0] && fingerprints[0] != fingerprints[1])
        away.withLock { _ = $0.insert("kid") }
        #expect(identity.leaf.fingerprint == fingerprints[1])
        away.withLock { _ = $0.insert("other") }
        #expect(identity.leaf.fingerprint == fingerprints[0])
        // For a token alone its own chain will do.
        let alone = try tls.directory.write("alone.pem", second.pem)
        #expect(try TLSIdentity(chainFile: alone, keys: keys, now: .now).leaf.fingerprint == fingerprints[1])
    }

    @Test func theChainOfATokenThatHasLeftIsPassedOver() throws {
        let tls = try TestTLS()
        let issued = try tls.authority.issueServer(key: tls.key)
        let (leaf, gone, authority) = (
            try issued.pem, try tls.authority.issueServer().pem, try tls.authority.pem
        )
        for chain in [
            [gone, authority, leaf, authority], [leaf, authority, gone, authority], [leaf, gone],
            [gone, leaf, authority],
        ] {
            let file = try tls.directory.write("chain.pem", chain.joined(separator: "\n"))
            let identity = try TLSIdentity(chainFile: file, keys: [tls.hsmKey()], now: .now)
            #expect(try identity.leaves == [PeerCertificate(der: issued.der)])
        }
        let other = try TestAuthority("Other CA").pem
        #expect(try code(tls, chain: [leaf, gone, other].joined(separator: "\n")) == .brokenChain)
    }

    @Test func aTokenThatComesLaterServesAfterAReload() throws {
        let tls = try TestTLS()
        let other = P256.Signing.PrivateKey()
        let later = HSMTLSKey(
            label: "tls-gateway", kid: "later", publicKey: Array(other.publicKey.rawRepresentation)
        ) { _, _ in [] }
        let keys = Mutex([tls.hsmKey()])
        let first = try tls.authority.issueServer(key: tls.key)
        let file = try tls.directory.write("chain.pem", first.pem)
        let identity = try TLSIdentity(
            chainFile: file, currentKeys: { keys.withLock { $0 } }, now: .now,
            isAvailable: { kid in keys.withLock { $0.contains { $0.kid == kid } } })
        let second = try tls.authority.issueServer(key: other)
        _ = try tls.directory.write("chain.pem", [first.pem, second.pem].joined(separator: "\n"))
        keys.withLock { $0.append(later) }
        try identity.reload(now: .now)
        #expect(
            try identity.leaves.map(\.fingerprint)
                == [first, second].map { try PeerCertificate(der: $0.der).fingerprint })
        // The first leaves: connections take the other at once, and a reload forgets it.
        keys.withLock { $0 = [later] }
        #expect(try identity.leaf == PeerCertificate(der: second.der))
        try identity.reload(now: .now)
        #expect(identity.leaves.count == 1)
    }

    @Test func twoChainsForOneKeyAreRefused() throws {
        let tls = try TestTLS()
        let chains = try [tls.authority.issueServer(key: tls.key).pem, tls.authority.issueServer(key: tls.key).pem]
        #expect(try code(tls, chain: chains.joined(separator: "\n")) == .brokenChain)
    }
}
