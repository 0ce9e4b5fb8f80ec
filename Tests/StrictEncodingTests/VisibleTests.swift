import StrictEncoding
import Testing

@Suite struct VisibleTests {
    @Test(
        "what a terminal would obey, or that turns writing around, is written out",
        arguments: [
            ("\u{1B}[1A\u{1B}[2K0  mint alice", #"\u{1b}[1A\u{1b}[2K0  mint alice"#),
            ("a\nb\tc\r", #"a\u{a}b\u{9}c\u{d}"#),
            ("\u{202E}ecila", #"\u{202e}ecila"#), ("a\u{200B}b\u{2028}c", #"a\u{200b}b\u{2028}c"#),
            ("\u{9B}2J\u{7F}", #"\u{9b}2J\u{7f}"#), ("\u{E000}\u{378}", #"\u{e000}\u{378}"#),
        ])
    func hidden(text: String, visible: String) { #expect(text.visible == visible) }

    @Test(arguments: ["", "alice@acme.example", "{\"a\":1}", "Zoë, 漢字, é, 👩🏽", "a  b"])
    func plain(text: String) { #expect(text.visible == text) }
}
