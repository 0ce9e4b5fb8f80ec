/// Why something for development or tests could not be made or read.
///
/// Two errors are equal when their codes are: `context` is for people.
package struct DevelopmentError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What went wrong.
    package enum Code: String, Sendable {
        /// A file cannot be read, or cannot be created because it is there already.
        case file
        /// A PEM document, a certificate or a certificate request cannot be used.
        case certificate
        /// A JWK is not a private key of this kind, or not one at all.
        case key
        /// Claims or options contradict each other.
        case claims
    }

    /// What went wrong, for programs.
    package let code: Code
    /// Which file or member it was, for people; never a key or a token.
    package let context: String

    /// An error with a code and its context.
    package init(_ code: Code, _ context: String) {
        self.code = code
        self.context = context
    }

    package static func == (left: DevelopmentError, right: DevelopmentError) -> Bool { left.code == right.code }

    /// The context alone: it is written as a sentence.
    package var description: String { context }
}
