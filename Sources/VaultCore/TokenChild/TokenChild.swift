package import Custody
package import HSMBridge
import NIOPosix
import StrictEncoding

/// Runs tasks with a token, each in a process of its own that does nothing else.
///
/// What needs the security officer cannot happen where the user is logged in, and a token shows a fresh process what it
/// really holds. Secrets travel through a socket pair, never through arguments or the environment.
package struct TokenChild: Sendable {
    /// The argument that makes our executable do a task and end.
    package static let argument = "token-task"

    /// How long a device may take to initialise itself.
    private static let patience = Duration.seconds(180)

    private let executable: String

    /// By default this very program, also when its file was replaced meanwhile.
    package init(executable: String = "/proc/self/exe") { self.executable = executable }

    /// Does a task in a fresh process; the library is loaded there alone.
    ///
    /// `administrationRefused` names the function when a partition answers CKR_FUNCTION_NOT_SUPPORTED: its owner initialises it.
    package func run(
        _ task: TokenTask, module: String, secrets: [LockedBytes]
    ) async throws(HSMError) -> TokenTaskReport {
        guard secrets.count == task.secrets else {
            throw HSMError(.pinFileRefused, function: nil, returnValue: nil, context: "another number of secrets")
        }
        let request = JSONWriter.canonical(task.json(module: module))
        let executable = executable
        let result: Result<[UInt8], HSMError>
        do {
            result = try await NIOThreadPool.singleton.runIfActive {
                Result { () throws(HSMError) in
                    let process = try ChildProcess(executable, TokenChild.argument)
                    return try process.exchange(request, secrets: secrets, within: TokenChild.patience)
                }
            }
        } catch {
            throw HSMError(.systemRefused, function: nil, returnValue: nil, context: "no thread for a child process")
        }
        return try TokenChild.read(try result.get())
    }

    private static func read(_ answer: [UInt8]) throws(HSMError) -> TokenTaskReport {
        guard let json = try? JSONParser.parse(answer), let object = json.object else {
            throw HSMError(
                .systemRefused, function: nil, returnValue: nil,
                context: "the process that works with the token ended without an answer")
        }
        if let error = object["error"]?.object {
            throw HSMError(
                error["code"]?.string.flatMap { HSMError.Code(rawValue: $0) } ?? .device,
                function: error["function"]?.string,
                returnValue: error["value"]?.integer.map { ReturnValue(rawValue: UInt($0)) },
                context: error["context"]?.string)
        }
        do {
            return try TokenTaskReport(json)
        } catch {
            throw HSMError(.systemRefused, function: nil, returnValue: nil, context: "\(error)")
        }
    }
}
