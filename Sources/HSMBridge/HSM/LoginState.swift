/// Where the login to a token stands.
package enum LoginState: String, Sendable {
    /// Nobody is logged in.
    case loggedOut
    /// The user is logged in, as far as we know.
    case loggedIn
    /// The token refused the PIN: a person has to look.
    case refused
}
