extension CeremonyReport {
    /// The whole report as one page that needs nothing else: no script, no font, no picture; it prints on A4 and Letter.
    package var html: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
        <title>\(Self.escaped(title))</title>
        <style>
        \(Self.style)
        </style>
        </head>
        <body>
        <header><h1>\(Self.escaped(title))</h1><p class="outcome">\(Self.escaped(outcome))</p></header>
        <p class="words">\(Self.escaped(verified.plan.words))</p>
        \(sections.map(Self.page).joined(separator: "\n"))
        <footer>Head \(Self.escaped(verified.transcript.head)). Check it yourself: vault-appliance ceremony verify DIRECTORY --manifests MANIFESTS --genesis HASH, with the HASH that was written down in the first ceremony.</footer>
        </body>
        </html>

        """
    }

    private static let style = """
        :root { font: 10.5pt/1.45 system-ui, "Noto Sans", "DejaVu Sans", sans-serif; color: #111; background: #fff; }
        body { max-width: 60rem; margin: 2rem auto; padding: 0 1.5rem; }
        header { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; border-bottom: 2px solid #111; }
        h1 { font-size: 1.5rem; margin: 0 0 .4rem; overflow-wrap: anywhere; }
        h2 { font-size: 1.1rem; margin: 1.8rem 0 .5rem; break-after: avoid; }
        .outcome { font-weight: 700; text-transform: uppercase; letter-spacing: .05em; margin: 0; white-space: nowrap; }
        .words { font: 600 1.2rem/1.3 ui-monospace, "DejaVu Sans Mono", monospace; letter-spacing: .04em; }
        table { width: 100%; border-collapse: collapse; }
        th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #bbb; overflow-wrap: anywhere; }
        thead th { font-size: .85rem; border-bottom: 1px solid #111; }
        tbody th { width: 12rem; font-weight: 600; }
        td { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .85rem; }
        tr { break-inside: avoid; }
        thead { display: table-header-group; }
        td.short, thead th { white-space: nowrap; overflow-wrap: normal; }
        footer { margin-top: 2rem; border-top: 1px solid #111; padding-top: .5rem; font-size: .8rem; overflow-wrap: anywhere; }
        @page { margin: 16mm 14mm; }
        @media print { :root { font-size: 9pt; } body { margin: 0; padding: 0; max-width: none; } a { color: inherit; } }
        """

    private static func page(_ section: Section) -> String {
        var html = "<section><h2>\(escaped(section.title))</h2>\n<table>\n"
        if !section.columns.isEmpty {
            html +=
                "<thead><tr>" + section.columns.map { "<th scope=\"col\">\(escaped($0))</th>" }.joined()
                + "</tr></thead>\n"
        }
        html += "<tbody>\n"
        for row in section.rows {
            let cells = row.enumerated().map { index, cell in
                guard !section.columns.isEmpty || index > 0 else { return "<th scope=\"row\">\(escaped(cell))</th>" }
                // Short cells stay whole; long ones share the rest of the page.
                return "<td\(cell.count <= 26 ? " class=\"short\"" : "")>\(escaped(cell))</td>"
            }
            html += "<tr>" + cells.joined() + "</tr>\n"
        }
        return html + "</tbody>\n</table></section>"
    }

    /// Text as text: nothing of a plan becomes markup.
    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.append(character)
            }
        }
    }
}
