@testable import Custody
import StrictEncoding

extension FuzzParser {
    /// Public keys and recipients on one line, identities and private keys as their files: read again, they are the same.
    func peopleKeys(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        if let line = String(validating: input, as: UTF8.self) {
            if let key = try? SSHPublicKey(line: line) {
                try FuzzFinding.unless((try? SSHPublicKey(line: key.line)) == key, "reads another key once written")
                return true
            }
            if let recipient = try? AgeRecipient(line) {
                try FuzzFinding.unless(
                    (try? AgeRecipient(recipient.description)) == recipient, "reads another recipient once written")
                return true
            }
        }
        guard let contents = try? LockedBytes(copying: input) else { return false }
        if let identity = try? AgeIdentity(file: contents) {
            let again = (try? identity.fileContents()).flatMap { try? AgeIdentity(file: $0) }
            try FuzzFinding.unless(again?.recipient == identity.recipient, "reads another identity once written")
            return true
        }
        guard let key = try? SSHPrivateKey(file: contents) else { return false }
        let again = (try? key.fileContents(check: 7)).flatMap { try? SSHPrivateKey(file: $0) }
        try FuzzFinding.unless(again?.publicKey == key.publicKey, "reads another private key once written")
        return true
    }

    /// The key inside is the same however it came.
    func privateKey(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let contents = try? LockedBytes(copying: input) else { return false }
        let key: PrivateKeyFile
        if let read = try? PrivateKeyFile(pem: contents) {
            key = read
        } else if let read = try? PrivateKeyFile(pkcs8: contents) {
            key = read
        } else {
            return false
        }
        try FuzzFinding.unless((try? PrivateKeyFile(pkcs8: key.pkcs8))?.jwk == key.jwk, "has two public keys")
        return true
    }

    /// The files that custodians and the appliance exchange: what is accepted is what its writer would write.
    func custodyFile(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        if let share = (try? LockedBytes(copying: input)).flatMap({ try? Share(decoding: $0) }) {
            try FuzzFinding.unless((2...share.count).contains(share.threshold), "accepts a threshold nobody can meet")
            return true
        }
        var written: [[UInt8]] = []
        if let file = try? ActivationRequest(file: input) { written.append(file.bytes) }
        if let file = try? Order(file: input) { written.append(file.bytes) }
        if let file = try? RestorationOrder(file: input) { written.append(file.bytes) }
        if let file = try? BundleApproval(file: input) { written.append(file.bytes) }
        if let file = try? SealedSecret(file: input) { written.append(file.bytes) }
        if let file = try? TranscriptLine(parsing: input) { written.append(file.bytes) }
        try FuzzFinding.unless(written.allSatisfy { $0 == input }, "accepts a file in two spellings")
        // Nobody signs these, so they may be spelled in several ways; each has one meaning.
        if let file = try? Enrolment(file: input) {
            try FuzzFinding.unless((try? Enrolment(file: file.bytes)) == file, "reads another way once written")
            written.append(file.bytes)
        }
        if let file = try? WrappedPINs(file: input) {
            try FuzzFinding.unless((try? WrappedPINs(file: file.bytes)) == file, "reads another way once written")
            written.append(file.bytes)
        }
        if let file = try? WrappedKey(file: input) {
            try FuzzFinding.unless((try? WrappedKey(file: file.bytes)) == file, "reads another way once written")
            written.append(file.bytes)
        }
        if let file = try? CustodianPin(file: input) {
            try FuzzFinding.unless((try? CustodianPin(file: file.bytes)) == file, "reads another way once written")
            written.append(file.bytes)
        }
        if let file = try? TransportFile(file: input) { written.append(file.bytes) }
        try FuzzFinding.unless(written.count < 2, "takes a file for two kinds")
        return !written.isEmpty
    }

    /// What is accepted reads the same once written, with the same hash; alone it is believed by nobody.
    func manifest(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let manifest = try? Manifest(jsonBytes: input) else { return false }
        let again = try? Manifest(jsonBytes: manifest.jsonBytes)
        try FuzzFinding.unless(again == manifest && again?.hash == manifest.hash, "reads another way once written")
        return true
    }

    /// The bytes that custodians sign are the bytes that were read.
    func ceremonyPlan(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let plan = try? CeremonyPlan(file: input) else { return false }
        try FuzzFinding.unless(plan.bytes == input, "accepts a plan in two spellings")
        try FuzzFinding.unless(CeremonyPlan.isID(plan.id), "names a ceremony in a way that it does not read")
        return true
    }
}
