internal import CPKCS11
internal import CVaultSystem

/// The numbers of a private key that is created from its parts; overwritten when dropped.
package final class PrivateKeyParts {
    /// What kind of key it is, and its numbers.
    package enum Numbers {
        /// Modulus, public and private exponent, primes, exponents and coefficient (RFC 8017 section A.1.2).
        case rsa([[UInt8]])
        /// The private number of a P-256 key, or the seed of an Ed25519 key.
        case curve([UInt8])
    }

    private var numbers: Numbers

    /// Takes the numbers over; the caller keeps no copy.
    package init(_ numbers: consuming Numbers) { self.numbers = numbers }

    deinit {
        switch numbers {
        case .rsa(var all):
            numbers = .curve([])
            for index in all.indices { PrivateKeyParts.wipe(&all[index]) }
        case .curve(var number):
            numbers = .curve([])
            PrivateKeyParts.wipe(&number)
        }
    }

    /// What the token is told beside the template.
    func attributes(for algorithm: KeyAlgorithm) throws(HSMError) -> [Attribute] {
        switch numbers {
        case .rsa(let all) where algorithm.isRSA && all.count == 8:
            let types: [AttributeType] = [
                .modulus, .publicExponent, .privateExponent, .prime1, .prime2, .exponent1, .exponent2, .coefficient,
            ]
            return zip(types, all).map { .data($0, $1) }
        case .curve(let number) where number.count == 32:
            guard let curve = algorithm.curveParameters, algorithm != .es384 else { break }
            return [.data(.ecParameters, curve), .data(.value, number)]
        default: break
        }
        throw HSMError(.importRefused, context: "not a private key for \(algorithm.rawValue)")
    }

    private static func wipe(_ bytes: inout [UInt8]) {
        // Safety: the array's own storage, with its own length.
        unsafe bytes.withUnsafeMutableBytes { room in
            // Safety: as above.
            if let start = room.baseAddress { unsafe csystem_wipe(start, room.count) }
        }
    }
}
