import ArgumentParser
import Custody
import StrictEncoding
import VaultCore

/// `ceremony run`: begins an approved ceremony and takes its steps.
struct CeremonyRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Begin an approved ceremony and take its steps, until it waits for people or has ended.",
        discussion: """
            Every step is in the transcript, durably, before and after. Where custodians have to act the command says who and \
            what and ends; 'resume' goes on. While it waits for shares it stays: they come to its memory alone. \
            Exits 0 when the ceremony has ended or waits for people, 1 when a step failed.
            """)

    @OptionGroup var ceremony: CeremonyOptions

    func run() async throws { try await Performance(ceremony, mayBegin: true).play() }
}

/// `ceremony resume`: goes on.
struct CeremonyResume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Go on with a ceremony after a pause or a crash.",
        discussion: """
            A step that was interrupted is looked at first: when its effect is in place it counts as done, else what there is \
            of it is taken back and it is taken again. Exit codes as those of 'run'.
            """)

    @OptionGroup var ceremony: CeremonyOptions

    func run() async throws { try await Performance(ceremony, mayBegin: false).play() }
}

/// Takes one step after the other and tells the person at the terminal.
private struct Performance {
    private let ceremony: CeremonyOptions
    private let mayBegin: Bool

    init(_ ceremony: CeremonyOptions, mayBegin: Bool) {
        self.ceremony = ceremony
        self.mayBegin = mayBegin
    }

    func play() async throws {
        try ProcessHygiene.apply()
        let access = try ceremony.access()
        let id: JSONObject = ["id": .string(ceremony.id)]
        let before = try await access.call("ceremony-status", id)
        if ["completed", "aborted"].contains(Self.text(before, "state")) {
            // Whoever ended it may have died before it could be told: that alone is done yet.
            _ = try await access.call("ceremony-step", id)
        }
        try checkState(before)
        if !ceremony.json { Terminal.say("\(Self.text(before, "ceremony")): \(Self.text(before, "purpose"))") }
        var shown: Set<String> = Set(Self.done(before))
        var lastWait: JSONValue?
        while true {
            let progress = try await access.call("ceremony-step", id)
            for name in Self.done(progress) where shown.insert(name).inserted {
                ceremony.console.showStep(name, progress)
            }
            guard progress.object?["can_advance"]?.bool != true else { continue }
            let wait = progress.object?["waiting"]
            // Shares come to the memory of this process: it stays. Whoever holds it in the core may go.
            guard wait?.object?["live"]?.bool == true, access.site != nil else {
                return ceremony.console.showNext(progress)
            }
            if wait != lastWait { ceremony.console.showWait(progress, after: lastWait) }
            lastWait = wait
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    private func checkState(_ progress: JSONValue) throws {
        let state = Self.text(progress, "state")
        switch state {
        case "running" where mayBegin:
            throw CommandFailure(
                "the ceremony has begun already: go on with ceremony resume, or take it back with abort")
        case "draft", "rehearsed", "approved":
            guard mayBegin else { throw CommandFailure("the ceremony has not begun: ceremony run begins it") }
        case "completed", "aborted", "sealed": throw CommandFailure("the ceremony has ended: it is \(state)")
        default: break
        }
    }

    private static func text(_ progress: JSONValue, _ name: String) -> String { progress.object?[name]?.string ?? "-" }

    private static func done(_ progress: JSONValue) -> [String] {
        (progress.object?["steps"]?.array ?? []).compactMap(\.object).filter { $0["standing"]?.string == "done" }
            .compactMap { $0["name"]?.string }
    }
}
