package import HSMBridge
import StrictEncoding

/// What a child process does with a token, before it ends; the secrets it takes travel beside it, never in it.
package enum TokenTask: Sendable, Equatable {
    /// Initialises the token that has never been, and sets its user's PIN; secrets: officer's PIN, user's PIN.
    case initialise(label: String)
    /// Initialises a token anew, which destroys all that is on it; secrets: officer's PIN, user's PIN.
    case initialiseAgain(uri: String, label: String)
    /// Sets the user's PIN whatever it was; secrets: officer's PIN, user's PIN.
    case setUserPIN(uri: String)
    /// Changes the user's PIN; secrets: the old one, the new one.
    case changeUserPIN(uri: String)
    /// Changes the security officer's PIN; secrets: the old one, the new one.
    case changeOfficerPIN(uri: String)
    /// Logs in as the user and lists everything on the token; secrets: the user's PIN.
    case examine(uri: String)
    /// Makes a key of its parts (C_CreateObject), as it is expected to be; secrets: the user's PIN, the key's PKCS#8.
    case createKey(uri: String, KeyReference.Arrival)

    /// How many secrets it takes.
    var secrets: Int {
        switch self {
        case .examine: 1
        default: 2
        }
    }

    private var name: String {
        switch self {
        case .initialise: "initialise"
        case .initialiseAgain: "initialise-again"
        case .setUserPIN: "set-user-pin"
        case .changeUserPIN: "change-user-pin"
        case .changeOfficerPIN: "change-officer-pin"
        case .examine: "examine"
        case .createKey: "create-key"
        }
    }

    /// The request as the child reads it.
    func json(module: String) -> JSONValue {
        var object = JSONObject([
            .init(name: "task", value: .string(name)), .init(name: "module", value: .string(module)),
        ])
        switch self {
        case .initialise(let label): object["label"] = .string(label)
        case .initialiseAgain(let uri, let label):
            object["token"] = .string(uri)
            object["label"] = .string(label)
        case .setUserPIN(let uri), .changeUserPIN(let uri), .changeOfficerPIN(let uri), .examine(let uri):
            object["token"] = .string(uri)
        case .createKey(let uri, let arrival):
            object["token"] = .string(uri)
            object["key"] = arrival.json
        }
        return .object(object)
    }

    /// Reads a request; the library's path stands beside the task.
    static func read(_ json: JSONValue) throws(SchemaFault) -> (TokenTask, module: String) {
        var reader = try ObjectReader(json)
        let module = try reader.string("module")
        let task: TokenTask
        switch try reader.string("task") {
        case "initialise": task = .initialise(label: try reader.string("label"))
        case "initialise-again":
            task = .initialiseAgain(uri: try reader.string("token"), label: try reader.string("label"))
        case "set-user-pin": task = .setUserPIN(uri: try reader.string("token"))
        case "change-user-pin": task = .changeUserPIN(uri: try reader.string("token"))
        case "change-officer-pin": task = .changeOfficerPIN(uri: try reader.string("token"))
        case "examine": task = .examine(uri: try reader.string("token"))
        case "create-key":
            task = .createKey(
                uri: try reader.string("token"),
                try KeyReference.Arrival(try reader.required("key"), path: reader.path(of: "key")))
        default: throw reader.fault("task", "is not known")
        }
        try reader.finish()
        return (task, module)
    }
}
