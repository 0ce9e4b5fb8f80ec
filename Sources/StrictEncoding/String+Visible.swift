extension String {
    /// The text on one line, without what a terminal would obey or a reader's eye could be led astray by: control and format
    /// characters (those that turn writing around among them), line and paragraph separators, private and unassigned ones.
    ///
    /// In their place stands `\u{...}` with the code point in hexadecimal.
    package var visible: String {
        var visible = UnicodeScalarView()
        for scalar in unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
                visible.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
            default: visible.append(scalar)
            }
        }
        return String(visible)
    }
}
