/// Names of steps, which may hold fewer letters than labels.
package enum StepName {
    /// What a label is called in the name of a step: two labels that differ in case or in '_' and '-' alone are one name.
    package static func of(_ label: String) -> String {
        String(
            label.lowercased().map { character in
                character.isASCII && (character.isLetter || character.isNumber || character == ".") ? character : "-"
            })
    }
}
