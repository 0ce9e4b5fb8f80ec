/// Where the login to a token stands.
package enum LoginState: String, Sendable {
    /// Nobody is logged in.
    case loggedOut
    /// The user is logged in, as far as we know.
    case loggedIn
    /// The token refused the PIN: a person has to look.
    case refused
    /// One wrong PIN more would lock the token, so none is tried: a person has to clear that.
    case finalTry
    /// The token's PIN is locked: its security officer has to unlock it.
    case locked
}
