internal import CPKCS11

/// One attribute of a template, with its value in Swift's own memory.
struct Attribute: Sendable, Equatable {
    let type: AttributeType
    /// The value as PKCS#11 lays it out in memory.
    let bytes: [UInt8]

    static func flag(_ type: AttributeType, _ value: Bool) -> Attribute {
        Attribute(type: type, bytes: [value ? 1 : 0])
    }

    static func number(_ type: AttributeType, _ value: CK_ULONG) -> Attribute {
        Attribute(type: type, bytes: Attribute.bytes(of: [value]))
    }

    static func text(_ type: AttributeType, _ value: String) -> Attribute {
        Attribute(type: type, bytes: Array(value.utf8))
    }

    static func data(_ type: AttributeType, _ value: [UInt8]) -> Attribute { Attribute(type: type, bytes: value) }

    static func numbers(_ type: AttributeType, _ values: [CK_ULONG]) -> Attribute {
        Attribute(type: type, bytes: Attribute.bytes(of: values))
    }

    /// CK_ULONGs in the order of bytes of this machine.
    private static func bytes(of values: [CK_ULONG]) -> [UInt8] {
        var bytes: [UInt8] = []
        for value in values {
            for shift in 0..<CK_ULONG(MemoryLayout<CK_ULONG>.size) {
                bytes.append(UInt8(truncatingIfNeeded: value.littleEndian >> (8 * shift)))
            }
        }
        return bytes
    }
}

extension [Attribute] {
    /// Calls `body` with the template as C wants it; the pointers live exactly as long as the call.
    func withTemplate<Answer>(_ body: (UnsafeMutablePointer<CK_ATTRIBUTE>?, CK_ULONG) -> Answer) -> Answer {
        // Values stand one after the other, each at a multiple of 8, since tokens read CK_ULONGs straight from them.
        var arena: [UInt64] = []
        var offsets: [Int] = []
        for attribute in self {
            offsets.append(arena.count * 8)
            arena.append(contentsOf: repeatElement(0, count: (attribute.bytes.count + 7) / 8))
        }
        // Safety: the pointers into the arena are used only inside this closure, and every offset lies within it.
        return unsafe arena.withUnsafeMutableBytes { memory in
            // Safety: as above; each value is copied into the room that was counted for it.
            var template: [CK_ATTRIBUTE] = unsafe []
            for (attribute, offset) in zip(self, offsets) {
                let room = offset..<offset + attribute.bytes.count
                // Safety: `room` lies within the arena, see above.
                unsafe memory[room].copyBytes(from: attribute.bytes)
                // Safety: the address of room within the arena; nil when there is nothing to point at.
                let address = unsafe attribute.bytes.isEmpty ? nil : memory.baseAddress?.advanced(by: offset)
                // Safety: as above.
                unsafe template.append(
                    CK_ATTRIBUTE(
                        type: attribute.type.rawValue, pValue: address, ulValueLen: CK_ULONG(attribute.bytes.count)))
            }
            // Safety: the template is used only inside this closure.
            return unsafe template.withUnsafeMutableBufferPointer { unsafe body($0.baseAddress, CK_ULONG($0.count)) }
        }
    }
}
