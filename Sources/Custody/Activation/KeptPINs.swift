internal import CVaultSystem
internal import Foundation
import StrictEncoding

/// PINs that outlive a restart of the core, within the limit that the quorum has set: a line of JSON that says for what,
/// then the PINs themselves.
///
/// Good on this machine, in this boot, under this epoch, until a moment that no setting of the clock moves.
package struct KeptPINs: Sendable {
    private static let format = "vault-kept-pins/1"

    /// What the line says: nothing secret.
    private struct Head {
        var appliance: String
        var boot: String
        var epoch: Int64
        var expires: Int64
        var lengths: [(serial: String, length: Int64)]

        var line: [UInt8] {
            JSONWriter.canonical([
                "format": .string(KeptPINs.format), "appliance": .string(appliance), "boot": .string(boot),
                "epoch": .integer(epoch), "expires": .integer(expires),
                "pins": .array(lengths.map { ["serial": .string($0.serial), "length": .integer($0.length)] }),
            ]) + [0x0A]
        }
    }

    package let appliance: String
    package let epoch: Int64
    /// In milliseconds since the boot (CLOCK_BOOTTIME).
    package let expires: Int64
    /// PINs by the serial numbers of their tokens.
    package let pins: [String: LockedBytes]
    private let boot: String

    /// PINs that may be used for so many seconds from now.
    package init(appliance: String, epoch: Int64, pins: [String: LockedBytes], seconds: Int64) {
        self.appliance = appliance
        self.epoch = epoch
        self.pins = pins
        expires = KeptPINs.now + seconds * 1000
        boot = KeptPINs.bootID
    }

    /// The moment, in milliseconds since the boot.
    package static var now: Int64 { csystem_boot_milliseconds() }

    /// Names this boot of the machine.
    private static let bootID: String =
        (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8))?
        .trimmingCharacters(in: .whitespacesAndNewlines) ?? ""

    /// All of it, in locked memory.
    package func encoded() throws(CustodyError) -> LockedBytes {
        let order = pins.sorted { $0.key < $1.key }
        let head = Head(
            appliance: appliance, boot: boot, epoch: epoch, expires: expires,
            lengths: order.map { ($0.key, Int64($0.value.count)) }
        ).line
        return try LockedBytes(count: head.count + order.reduce(0) { $0 + $1.value.count }) { span in
            for (index, byte) in head.enumerated() { span[index] = byte }
            var place = head.count
            for (_, pin) in order {
                pin.withSpan { pin in for index in pin.indices { span[place + index] = pin[index] } }
                place += pin.count
            }
        }
    }

    /// Reads what `encoded` gave.
    package init(decoding bytes: LockedBytes) throws(CustodyError) {
        let line = bytes.withSpan { span -> [UInt8] in
            var line: [UInt8] = []
            for index in span.indices where line.count < 8192 {
                if span[index] == 0x0A { return line }
                line.append(span[index])
            }
            return []
        }
        let head: Head
        do {
            head = try KeptPINs.head(line)
        } catch {
            throw CustodyError(.malformed, "what the service manager kept is not what was given to it")
        }
        (appliance, boot, epoch, expires) = (head.appliance, head.boot, head.epoch, head.expires)
        var pins: [String: LockedBytes] = [:]
        var place = line.count + 1
        for (serial, length) in head.lengths {
            let start = place
            place += Int(length)
            guard place <= bytes.count else {
                throw CustodyError(.malformed, "what the service manager kept is shorter than it says")
            }
            pins[serial] = try LockedBytes(count: Int(length)) { pin in
                bytes.withSpan { bytes in for index in pin.indices { pin[index] = bytes[start + index] } }
            }
        }
        guard place == bytes.count, !pins.isEmpty else {
            throw CustodyError(.malformed, "what the service manager kept is longer than it says")
        }
        self.pins = pins
    }

    private static func head(_ line: [UInt8]) throws -> Head {
        var reader = try ObjectReader(try JSONParser.parse(line))
        guard try reader.string("format") == format else { throw reader.fault("format", "must be \(format)") }
        var head = Head(
            appliance: try reader.string("appliance"), boot: try reader.string("boot"),
            epoch: try reader.integer("epoch", in: 1...Int64(UInt32.max)),
            expires: try reader.integer("expires", in: 0...JSONValue.safeIntegers.upperBound), lengths: [])
        for element in try reader.elements("pins") {
            var pin = try ObjectReader(element.value, path: element.path)
            head.lengths.append((try pin.string("serial"), try pin.integer("length", in: 1...255)))
            try pin.finish()
        }
        try reader.finish()
        return head
    }

    /// Refuses PINs of another appliance, another boot, another epoch, and PINs past their time.
    package func check(_ manifest: Manifest) throws(CustodyError) {
        guard appliance == manifest.appliance else {
            throw CustodyError(.foreign, "the PINs that were kept are another appliance's")
        }
        guard !boot.isEmpty, boot == KeptPINs.bootID else {
            throw CustodyError(.stale, "the machine was started anew since the PINs were kept")
        }
        guard epoch == manifest.activation?.epoch else {
            throw CustodyError(.stale, "the PINs were kept under epoch \(epoch), which is not the one in force")
        }
        guard manifest.dials.restartGrace > 0 else {
            throw CustodyError(.unsupported, "the manifest in force allows no restart without custodians")
        }
        guard KeptPINs.now < expires else {
            throw CustodyError(.expired, "the time for a restart without custodians is over")
        }
    }
}
