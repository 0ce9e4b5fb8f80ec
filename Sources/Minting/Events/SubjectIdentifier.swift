package import StrictEncoding

/// Whom a security event is about, as far as we know people: by issuer and subject.
///
/// Source: RFC 9493 section 3.2.3, OpenID Shared Signals Framework 1.0 section 3.2.
package struct SubjectIdentifier: Sendable, Equatable {
    /// `iss`.
    package let issuer: String
    /// `sub`, as that issuer writes it.
    package let subject: String

    private init(issuer: String, subject: String) {
        self.issuer = issuer
        self.subject = subject
    }

    /// Reads `iss_sub`, alone or as the `user` of a `complex` subject; nil for every other format.
    ///
    /// The other members of a complex subject (a session, a device) narrow what is meant. They are not read: to end all
    /// of a user's sessions in place of one is safe, the other way round is not.
    package init?(_ value: JSONValue?) {
        guard let object = value?.object else { return nil }
        switch object["format"]?.string {
        case "iss_sub":
            guard let issuer = object["iss"]?.string, let subject = object["sub"]?.string,
                object.firstName(notIn: ["format", "iss", "sub"]) == nil,
                VisibleASCII.isName(issuer, maximum: 512),
                VisibleASCII.isName(subject, maximum: ClaimReader.maximumNameLength)
            else { return nil }
            self.init(issuer: issuer, subject: subject)
        case "complex":
            guard let user = object["user"], user.object?["format"] == "iss_sub" else { return nil }
            self.init(user)
        default: return nil
        }
    }
}
