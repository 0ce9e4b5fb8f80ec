package import HSMBridge
package import StrictEncoding

extension TokenReport {
    /// The report for machines; times are in microseconds.
    package var json: JSONValue {
        [
            "module": .string(modulePath), "uri": .string(uri), "well": .bool(isWell),
            "library": library.map { $0.json } ?? .null, "token": token.map { $0.json } ?? .null,
            "profile": profile.map { $0.json } ?? .null, "algorithms": .array(algorithms.map { $0.json }),
            "keys": .array(keys.map { $0.json }),
            "other_objects": .object(
                JSONObject(
                    otherObjects.sorted { $0.key.rawValue < $1.key.rawValue }.map {
                        .init(name: $0.key.rawValue, value: .integer(Int64($0.value)))
                    })),
            "findings": .array(findings.map { $0.json }),
            "timings": .array(
                timings.map { ["what": .string($0.name), "microseconds": .integer($0.duration.microseconds)] }),
        ]
    }
}

extension Duration {
    fileprivate var microseconds: Int64 { Int64(self / .microseconds(1)) }
}

extension LibraryInfo {
    fileprivate var json: JSONValue {
        [
            "manufacturer": .string(manufacturer), "description": .string(description), "version": .string(version),
            "cryptoki": .string(cryptokiVersion),
        ]
    }
}

extension TokenInfo {
    fileprivate var json: JSONValue {
        [
            "label": .string(label), "serial": .string(serial), "manufacturer": .string(manufacturer),
            "model": .string(model), "minimum_pin_length": .integer(Int64(minimumPINLength)),
            "maximum_pin_length": .integer(Int64(maximumPINLength)),
            "maximum_sessions": maximumSessions.map { .integer(Int64($0)) } ?? .null,
        ]
    }
}

extension TokenProfile {
    fileprivate var json: JSONValue {
        [
            "vendor": .string(vendor.rawValue), "tested": .bool(vendor.isTested),
            "quirks": .array(quirks.map(\.rawValue).sorted().map { .string($0) }),
            "oaep_hash": oaepHash.map { .string($0.rawValue) } ?? .null,
        ]
    }
}

extension AlgorithmReport {
    fileprivate var json: JSONValue {
        let word: JSONValue
        var reason = JSONValue.null
        switch outcome {
        case .works: word = "works"
        case .notOffered: word = "not_offered"
        case .untried: word = "untried"
        case .fails(let error):
            word = "fails"
            reason = .string("\(error)")
        }
        return [
            "alg": .string(algorithm.rawValue), "outcome": word, "reason": reason,
            "mechanism": mechanism.map { .string($0) } ?? .null,
            "generation_microseconds": generation.map { .integer($0.microseconds) } ?? .null,
            "signature_microseconds": signature.map { .integer($0.microseconds) } ?? .null,
        ]
    }
}

extension KeyReport {
    fileprivate var json: JSONValue {
        func object(_ members: [(String, JSONValue)]) -> JSONValue {
            .object(JSONObject(members.sorted { $0.0 < $1.0 }.map { .init(name: $0.0, value: $0.1) }))
        }
        return [
            "label": .string(label), "id": .string(Hexadecimal.string(id)),
            "alg": algorithm.map { .string($0.rawValue) } ?? .null, "purpose": purpose.map { .string($0) } ?? .null,
            "kid": kid.map { .string($0) } ?? .null, "state": state.map { .string($0) } ?? .null,
            "provenance": .string(provenance.rawValue),
            "attributes": object(attributes.map { ($0.key, .bool($0.value)) }),
            "allowed_mechanisms": .array(allowedMechanisms.map { .string($0) }),
            "refusals": object(refusals.map { ($0.key, .string("\($0.value)")) }),
            "signature_microseconds": signature.map { .integer($0.microseconds) } ?? .null,
        ]
    }
}

extension Finding {
    fileprivate var json: JSONValue {
        [
            "severity": .string(severity.rawValue), "subject": .string(subject), "code": .string(code),
            "text": .string(text), "mend": mend.map { .string($0) } ?? .null,
        ]
    }
}
