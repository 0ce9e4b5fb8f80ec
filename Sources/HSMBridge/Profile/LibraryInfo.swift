internal import CPKCS11

/// What a PKCS#11 library says of itself (CK_INFO).
package struct LibraryInfo: Sendable, Equatable {
    /// Who made the library; quirks go by it.
    package let manufacturer: String
    /// What the library is called.
    package let description: String
    /// Its version, as in `2.6`.
    package let version: String
    /// The version of PKCS#11 it implements, as in `2.40`.
    package let cryptokiVersion: String

    init(_ info: CK_INFO) {
        manufacturer = TokenInfo.text(info.manufacturerID)
        description = TokenInfo.text(info.libraryDescription)
        version = "\(info.libraryVersion.major).\(info.libraryVersion.minor)"
        // PKCS#11 v2.40 section 3.1: the minor version is in hundredths, so 2.4 is major 2, minor 40.
        cryptokiVersion = "\(info.cryptokiVersion.major).\(info.cryptokiVersion.minor)"
    }
}

extension Module {
    /// What the library says of itself.
    func libraryInfo() throws(HSMError) -> LibraryInfo {
        var info = CK_INFO()
        // Safety: a local that outlives the call.
        try unsafe check(.getInfo) { unsafe $0.pointee.C_GetInfo?(&info) }
        return LibraryInfo(info)
    }
}
