extension TokenURI {
    /// The same token, told apart by its serial number for good.
    package func pinned(serial: String) -> TokenURI {
        var pinned = self
        pinned.pin(serial: serial)
        return pinned
    }
}
