extension PrivateFile {
    /// Reads a secret's file into locked memory without the line feed at its end; one without a secret is refused.
    package static func readLine(_ path: String) throws(CustodyError) -> LockedBytes {
        let file = try read(path)
        let length = file.withSpan { span in
            span.count > 0 && span[span.count - 1] == 0x0A ? span.count - 1 : span.count
        }
        guard (1...255).contains(length) else {
            throw CustodyError(.fileRefused, "\(path): must hold one line of 1 to 255 bytes")
        }
        return try LockedBytes(count: length) { line in
            file.withSpan { file in for index in line.indices { line[index] = file[index] } }
        }
    }
}
