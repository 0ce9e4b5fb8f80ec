/// The `sub` of a client that asks for itself: its id after a prefix that no user's subject can begin with.
///
/// A resource server must never take a client for a user. Source: RFC 9068 sections 2.2 and 5.
package enum ClientSubject {
    /// What it begins with; no issuer may have it, or a part of it, as its `subject_prefix`.
    package static let prefix = "client:"

    /// The `sub` of a client.
    package static func of(_ client: String) -> String { prefix + client }

    /// The client whose `sub` this is; nil when it is nobody's.
    package static func client(in subject: String) -> String? {
        subject.hasPrefix(prefix) ? String(subject.dropFirst(prefix.count)) : nil
    }
}
