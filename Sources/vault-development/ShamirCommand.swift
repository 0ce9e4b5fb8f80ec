import ArgumentParser
import Custody
import StrictEncoding

/// `shamir`: the appliance's secret sharing by itself, for a comparison with another implementation.
struct ShamirCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shamir", abstract: "Split secrets and combine shares as custody does, to compare with others.",
        discussion: """
            Secrets and shares are lines of hexadecimal digits on standard input and output; a share is its values and, as its \
            last byte, its index, as in HashiCorp Vault. Never for a secret that matters.
            """, subcommands: [ShamirSplit.self, ShamirCombine.self])

    /// The bytes of each line of standard input, locked as a share's are.
    static func lines() throws -> [[UInt8]] {
        var lines: [[UInt8]] = []
        while let line = readLine() {
            guard let bytes = Hexadecimal.decode(line), !bytes.isEmpty else {
                throw ValidationError("line \(lines.count + 1): must be hexadecimal digits")
            }
            lines.append(bytes)
        }
        return lines
    }

    static func text(_ bytes: LockedBytes) -> String {
        bytes.withSpan { span in Hexadecimal.string(span.indices.map { span[$0] }) }
    }
}

/// `shamir split`: shares of a secret.
struct ShamirSplit: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "split", abstract: "Split each secret on standard input; its shares follow each other.")

    @Option(help: "How many shares make the secret whole.") var threshold: Int
    @Option(help: "How many shares there are.") var count: Int

    func run() throws {
        for secret in try ShamirCommand.lines() {
            let shares = try Shamir.split(try LockedBytes(copying: secret), threshold: threshold, count: count)
            for (offset, share) in shares.enumerated() {
                print(ShamirCommand.text(share) + Hexadecimal.string([UInt8(offset + 1)]))
            }
        }
    }
}

/// `shamir combine`: the secret of shares.
struct ShamirCombine: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "combine", abstract: "Print the secret of each group of shares on standard input.")

    @Option(help: "How many shares are a group.") var threshold: Int

    func run() throws {
        let shares = try ShamirCommand.lines()
        guard threshold > 0, shares.count % threshold == 0 else {
            throw ValidationError("\(shares.count) shares are no groups of \(threshold)")
        }
        for start in stride(from: 0, to: shares.count, by: threshold) {
            var group: [(index: UInt8, value: LockedBytes)] = []
            for share in shares[start..<start + threshold] {
                group.append((share[share.count - 1], try LockedBytes(copying: Array(share.dropLast()))))
            }
            print(ShamirCommand.text(try Shamir.combine(group)))
        }
    }
}
