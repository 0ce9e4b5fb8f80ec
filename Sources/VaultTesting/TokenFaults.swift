/// One token behind the fault module, and what it suffers.
package struct TokenFaults: Sendable {
    let module: FaultModule
    /// The token.
    package let token: SoftHSMDirectory.Token

    /// The next calls of a function suffer these faults, one after the other; a fault is words of a rule, as in
    /// `return CKR_DEVICE_ERROR`.
    @discardableResult
    package func next(_ function: String, _ faults: String...) throws -> [FaultModule.Rule] {
        try next(function, faults)
    }

    /// The next calls of a function suffer these faults, one call each.
    @discardableResult
    package func next(_ function: String, _ faults: [String]) throws -> [FaultModule.Rule] {
        try module.add(
            faults.enumerated().map { index, fault in rule(function, "call=\(index + 1) \(fault)") })
    }

    /// Every call of the functions suffers the fault until it is lifted; `fault` may begin with conditions.
    package func always(_ functions: String, _ fault: String) throws -> [FaultModule.Rule] {
        try module.add([rule(functions, fault)])
    }

    /// Lifts faults; calls that hang by them go on.
    package func lift(_ rules: [FaultModule.Rule]) throws { try module.remove(rules) }

    /// How often a function was called with this token, up to now.
    package func calls(of function: String) throws -> Int {
        try module.tally().calls(of: function, token: token.label)
    }

    /// Sessions of the token that are open now.
    package func openSessions() throws -> Int { try module.tally().openSessions(token: token.label) }

    private func rule(_ functions: String, _ rest: String) -> String { "\(functions) token=\(token.label) \(rest)" }
}
