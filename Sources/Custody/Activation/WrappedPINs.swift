import Crypto
import Foundation
import StrictEncoding

/// The file that holds each token's PIN, sealed under the activation secret of an epoch.
///
/// AES-256-GCM under HKDF-SHA-256 of the secret, one key for each token and epoch; the additional data are the same names,
/// so that no PIN opens as another's.
package struct WrappedPINs: Sendable, Equatable {
    /// The only format there is.
    package static let format = "vault-wrapped-pins/1"
    /// The longest file that is read, in bytes.
    package static let maximumBytes = 65_536

    package let appliance: String
    package let epoch: Int64
    /// Nonce, ciphertext and tag by the token's serial number.
    private var sealed: [String: [UInt8]] = [:]

    /// A file without PINs.
    package init(appliance: String, epoch: Int64) {
        self.appliance = appliance
        self.epoch = epoch
    }

    /// The serial numbers of the tokens whose PINs are here.
    package var serials: [String] { sealed.keys.sorted() }

    /// Seals a token's PIN.
    package mutating func wrap(_ pin: LockedBytes, serial: String, under secret: LockedBytes) throws(CustodyError) {
        let (key, context) = (key(secret, serial), context(serial))
        // Safety: the PIN is lent for the length of the call.
        let box = unsafe pin.withUnsafeBytes { bytes in
            // Safety: as above.
            unsafe try? AES.GCM.seal(bytes, using: key, authenticating: context)
        }
        guard let combined = box?.combined else { throw CustodyError(.systemRefused, "the PIN could not be sealed") }
        sealed[serial] = Array(combined)
    }

    /// Opens a token's PIN.
    package func unwrap(serial: String, under secret: LockedBytes) throws(CustodyError) -> LockedBytes {
        guard let combined = sealed[serial] else {
            throw CustodyError(.foreign, "the file of sealed PINs has none for the token \(serial)")
        }
        guard let box = try? AES.GCM.SealedBox(combined: combined),
            var opened = try? AES.GCM.open(box, using: key(secret, serial), authenticating: context(serial))
        else {
            throw CustodyError(
                .notOpened,
                "the shares are right, but the sealed PIN of token \(serial) was changed or is of another epoch")
        }
        defer { opened.resetBytes(in: 0..<opened.count) }
        return try LockedBytes(copying: opened)
    }

    /// Drops a token's PIN.
    package mutating func remove(serial: String) { sealed[serial] = nil }

    private func key(_ secret: LockedBytes, _ serial: String) -> SymmetricKey {
        // Safety: the secret is lent for the length of the call, which copies it to memory that it wipes itself.
        let material = unsafe secret.withUnsafeBytes { unsafe SymmetricKey(data: $0) }
        return HKDF<SHA256>.deriveKey(
            inputKeyMaterial: material, salt: Array(appliance.utf8),
            info: Array("vault-appliance/pin/1|\(epoch)|\(serial)".utf8), outputByteCount: 32)
    }

    private func context(_ serial: String) -> [UInt8] {
        JSONWriter.canonical([
            "format": .string(WrappedPINs.format), "appliance": .string(appliance), "epoch": .integer(epoch),
            "serial": .string(serial),
        ])
    }

    /// The file's bytes.
    package var bytes: [UInt8] {
        let tokens = serials.map { serial -> JSONValue in
            ["serial": .string(serial), "sealed": .string(Base64URL.string(sealed[serial] ?? []))]
        }
        return JSONWriter.canonical([
            "format": .string(WrappedPINs.format), "appliance": .string(appliance), "epoch": .integer(epoch),
            "tokens": .array(tokens),
        ]) + [0x0A]
    }

    /// Reads the file.
    package init(file: [UInt8]) throws(CustodyError) {
        do {
            try self.init(json: try JSONParser.parse(file))
        } catch {
            throw CustodyError(.malformed, "the file of sealed PINs is not one: \(error)")
        }
    }

    private init(json: JSONValue) throws(SchemaFault) {
        var reader = try ObjectReader(json)
        guard try reader.string("format") == WrappedPINs.format else {
            throw reader.fault("format", "must be \(WrappedPINs.format)")
        }
        appliance = try reader.string("appliance")
        epoch = try reader.integer("epoch", in: 1...Int64(UInt32.max))
        for element in try reader.elements("tokens") {
            var token = try ObjectReader(element.value, path: element.path)
            let serial = try token.string("serial")
            guard let bytes = Base64URL.decode(try token.string("sealed")), sealed[serial] == nil else {
                throw token.fault("sealed", "must be base64url, once for each token")
            }
            sealed[serial] = bytes
            try token.finish()
        }
        try reader.finish()
    }
}
