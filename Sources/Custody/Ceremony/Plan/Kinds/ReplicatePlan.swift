import StrictEncoding

/// The parameters of `replicate`: a token that comes into service with keys of its own.
package struct ReplicatePlan: Sendable, Equatable {
    package var token: PlannedToken
    /// Made in the new token; labels that the other tokens have stand in for theirs.
    package var keys: [PlannedKey]

    init(_ reader: PlanReader) {
        let part = reader.part("token")
        token =
            part.map(PlannedToken.init)
            ?? PlannedToken(
                module: "", uri: "", preparation: .adopt, pinFile: nil, userPIN: .replace, securityOfficer: .team,
                soPINFile: nil)
        part?.finish()
        keys = PlannedKey.list(reader, "keys", 1...64)
    }

    func add(to object: inout JSONObject) {
        object["token"] = token.json
        object["keys"] = .array(keys.map(\.json))
    }
}
