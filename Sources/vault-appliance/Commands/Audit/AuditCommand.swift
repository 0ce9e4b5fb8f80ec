import ArgumentParser

/// `audit`: what an auditor does with the log offline, and what an operator does to it.
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Read, check and keep the audit log.",
        discussion: """
            verify, prove, check-proof, tail, export, access and schema work on the log's directory or a copy of it; they need \
            neither HSM nor network nor a running appliance. fetch, prune and accept-time ask a running core; restore needs a \
            stopped one. witness is a server for other people's logs.
            """,
        subcommands: [
            AuditVerify.self, AuditProve.self, AuditCheckProof.self, AuditTail.self, AuditExport.self, AuditAccess.self,
            AuditSchema.self, AuditFetch.self, AuditPrune.self, AuditAcceptTime.self, AuditRestore.self,
            AuditWitness.self,
        ])
}
