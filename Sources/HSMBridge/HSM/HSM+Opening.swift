extension HSM {
    /// Finds the token that the URI names and says which one it is, without a PIN; blocks a thread of its own.
    package static func find(modulePath: String, token: TokenURI) async throws(HSMError) -> TokenInfo {
        try await DedicatedThread.run("hsm-find") { () throws(HSMError) in
            try Module.load(path: modulePath).token(matching: token).token
        }
    }
}

extension TokenURI {
    /// The same token and, for as long as the URI is used, no other: another one with its label does not match.
    package func pinned(to info: TokenInfo) -> TokenURI {
        var pinned = self
        pinned.pin(serial: info.serial)
        return pinned
    }
}

extension PIN {
    /// A PIN that `fill` writes where it stays: no copy of it is anywhere else.
    package convenience init(count: Int, fill: (inout MutableSpan<UInt8>) -> Void) throws(HSMError) {
        guard (1...PIN.longest).contains(count) else {
            throw HSMError(.pinLength, context: "a PIN has 1 to \(PIN.longest) bytes")
        }
        // Safety: the room is the new PIN's own memory and holds the longest PIN; the span does not leave the closure.
        try unsafe self.init(capacity: PIN.longest) { room in
            // Safety: as above.
            var span = unsafe MutableSpan<UInt8>(
                _unsafeElements: UnsafeMutableBufferPointer(
                    start: room.baseAddress?.assumingMemoryBound(to: UInt8.self), count: count))
            fill(&span)
            return count
        }
    }
}
