import Custody
import HSMBridge
import Synchronization

extension Genesis {
    /// The letters of random PINs: what every token takes.
    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// A random PIN of 32 letters, 192 bits, or as many as the token takes; it has never been elsewhere in memory.
    static func randomPIN(longest: Int) throws(CustodyError) -> LockedBytes {
        guard longest >= 12 else {
            throw CustodyError(
                .unsupported, "the token takes PINs of \(longest) letters at most: fewer than 12 protect nothing")
        }
        let random = try LockedBytes.random(count: min(32, longest))
        return try LockedBytes(count: random.count) { pin in
            random.withSpan { random in
                for index in pin.indices { pin[index] = letters[Int(random[index] & 63)] }
            }
        }
    }

    /// The PIN that the token has now: known, read, asked for, or set anew by the security officer.
    func userPIN(_ index: Int) async throws -> LockedBytes {
        if let pin = secrets.withLock({ $0.userPINs[index] }) { return pin }
        let token = plan.tokens[index]
        let pin: LockedBytes
        if token.preparation == .initialise {
            pin = try Genesis.randomPIN(longest: 32)
            _ = try await site.child.run(
                .setUserPIN(uri: try self.token(index).uri), module: token.module,
                secrets: [try officerPIN(index), pin])
        } else if let file = token.pinFile {
            pin = try LockedBytes(try PIN(file: file))
        } else {
            pin = try LockedBytes(try site.ask("PIN of token \(title(index))"))
        }
        hold(pin, index)
        return pin
    }

    func hold(_ pin: LockedBytes, _ index: Int) { secrets.withLock { $0.userPINs[index] = pin } }

    /// Forgets a PIN that was refused: a person may have mistyped it.
    func forgetPIN(_ index: Int) { secrets.withLock { $0.userPINs[index] = nil } }

    /// The security officer's PIN, from the file that the plan names.
    func officerPIN(_ index: Int) throws -> LockedBytes {
        guard let file = plan.tokens[index].soPINFile else {
            throw CustodyError(.malformed, "the plan names no so_pin_file for the token \(title(index))")
        }
        return try LockedBytes(try PIN(file: file))
    }
}

extension LockedBytes {
    /// A PIN, copied from its locked memory straight to this.
    convenience init(_ pin: PIN) throws(CustodyError) {
        try self.init(count: pin.length) { span in
            // Safety: the PIN's bytes are lent for the length of the call.
            unsafe pin.withBytes { bytes in
                for index in span.indices { span[index] = unsafe bytes[index] }
            }
        }
    }
}
