import Custody

extension LockedBytes {
    /// The bytes, for comparison: tests hold no real secrets.
    var exposed: [UInt8] { withSpan { span in span.indices.map { span[$0] } } }
}
