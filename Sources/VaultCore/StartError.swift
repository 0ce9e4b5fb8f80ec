/// Why a process did not start: one line that names the file, the field and the mend.
package struct StartError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file (or socket, or device) the fault is in.
    package let file: String
    /// The member within it; nil when it is the whole file.
    package let field: String?
    package let problem: String
    /// What to do about it.
    package let mend: String
    /// Whether trying again cannot help before somebody has corrected the file.
    package let isPermanent: Bool

    /// A fault that stops the start.
    package init(file: String, field: String? = nil, problem: String, mend: String, isPermanent: Bool = false) {
        self.file = file
        self.field = field
        self.problem = problem
        self.mend = mend
        self.isPermanent = isPermanent
    }

    package var description: String {
        "\(file): \(field.map { "\($0): " } ?? "")\(problem). Mend: \(mend)"
    }
}
