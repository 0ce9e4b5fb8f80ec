extension String {
    /// Whether both have the same UTF-8 bytes.
    ///
    /// `==` compares by canonical equivalence, in which U+212A KELVIN SIGN is `K`: two names with one meaning here and
    /// two elsewhere. The lengths differ in nearly every such case, the rest is caught by the bytes themselves.
    package func hasSameBytes(as other: String) -> Bool {
        let left = utf8
        let right = other.utf8
        return left.count == right.count && self == other && left.elementsEqual(right)
    }
}
