import Minting

extension VerifiedToken.Party {
    /// Whether this is the agent: the same subject, and the same issuer where one is given (RFC 8693 section 4.4).
    func names(_ agent: VerifiedToken) -> Bool {
        subject == agent.subject && (issuer == nil || issuer == agent.issuer)
    }
}

extension VerifiedToken {
    /// Whether this user's token lets the agent act: `may_act`, where present, must name it (RFC 8693 section 4.4).
    func admits(_ agent: VerifiedToken?) -> Bool {
        guard let mayAct else { return true }
        guard let agent else { return false }
        return mayAct.names(agent)
    }
}
