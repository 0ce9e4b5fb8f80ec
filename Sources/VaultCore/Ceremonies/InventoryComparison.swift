import Custody
import HSMBridge
import StrictEncoding

/// What a token holds, held against the keys that it must hold: two halves each, and nothing else.
struct InventoryComparison {
    /// What is more, less or other than it must be, in words for people.
    private(set) var faults: [String] = []

    init(_ objects: [TokenObject], with keys: [ManifestKey], token: String) {
        var wanted: [String: ManifestKey] = [:]
        for key in keys {
            for kind in [TokenObject.Kind.privateKey, .publicKey] {
                wanted["\(kind.rawValue) \(key.id) \(key.label)"] = key
            }
        }
        for object in objects {
            let name = "\(object.kind.rawValue) \(Hexadecimal.string(object.id)) \(object.label)"
            guard let key = wanted.removeValue(forKey: name) else {
                faults.append(
                    "the token \(token) holds an object that the manifest does not name: \(object.kind.rawValue) "
                        + "\"\(object.label.prefix(64))\" with id \(Hexadecimal.string(object.id).prefix(64)). Find out who put it there"
                )
                continue
            }
            if object.kind == .privateKey { compare(object, key, token) }
        }
        faults += wanted.keys.sorted().map { "the token \(token) lacks an object that the manifest names: \($0)" }
    }

    /// Every flag that was read back when the key was made must read the same now.
    private mutating func compare(_ object: TokenObject, _ key: ManifestKey, _ token: String) {
        for (name, value) in key.evidence.sorted(by: { $0.key < $1.key }) {
            guard let found = object.attributes[name], found != value else { continue }
            faults.append(
                "the key \(key.label) of the token \(token): \(name) is \(found), and was \(value) when it was made")
        }
        if key.evidence["CKA_ALLOWED_MECHANISMS"] == true, object.allowedMechanisms.isEmpty {
            faults.append("the key \(key.label) of the token \(token) is bound to no mechanism any more")
        }
    }
}
