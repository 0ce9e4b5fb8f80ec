import CVaultSystem
package import Custody
import Glibc
package import HSMBridge
import StrictEncoding

extension TokenChild {
    /// The child's whole life: reads one task and its secrets from standard input, does it, and answers on what was
    /// standard output.
    ///
    /// A library that prints would spoil the answer, so from here on standard output is standard error.
    package static func serve() {
        let answers = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
        guard answers >= 0, dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 else { return }
        let answer: JSONValue
        do throws(HSMError) {
            answer = try perform().json
        } catch {
            answer = ["error": error.json]
        }
        _ = SecretPipe(answers).write(JSONWriter.canonical(answer))
        close(answers)
    }

    private static func perform() throws(HSMError) -> TokenTaskReport {
        let pipe = SecretPipe(STDIN_FILENO)
        guard let request = pipe.readFrame(), let json = try? JSONParser.parse(request) else {
            throw refusal("there is no task to read")
        }
        let (task, module): (TokenTask, String)
        do {
            (task, module) = try TokenTask.read(json)
        } catch {
            throw refusal("\(error)")
        }
        var secrets: [LockedBytes] = []
        for _ in 0..<task.secrets {
            guard let secret = pipe.readSecret() else { throw refusal("a secret is missing") }
            secrets.append(secret)
        }
        let office = try TokenOffice(modulePath: module)
        return try task.perform(office, secrets)
    }

    private static func refusal(_ reason: String) -> HSMError {
        HSMError(.systemRefused, function: nil, returnValue: nil, context: reason)
    }
}

extension TokenTask {
    fileprivate func perform(_ office: TokenOffice, _ secrets: [LockedBytes]) throws(HSMError) -> TokenTaskReport {
        func pin(_ index: Int) throws(HSMError) -> PIN { try PIN(secrets[index]) }
        switch self {
        case .initialise(let label):
            return TokenTaskReport(
                try office.initialise(.fresh, label: label, officerPIN: try pin(0), userPIN: try pin(1)))
        case .initialiseAgain(let uri, let label):
            return TokenTaskReport(
                try office.initialise(
                    .again(try TokenURI(uri)), label: label, officerPIN: try pin(0), userPIN: try pin(1)))
        case .setUserPIN(let uri):
            return TokenTaskReport(
                try office.setUserPIN(try TokenURI(uri), officerPIN: try pin(0), userPIN: try pin(1)))
        case .changeUserPIN(let uri):
            return TokenTaskReport(
                try office.changeUserPIN(try TokenURI(uri), from: try pin(0), to: try pin(1)))
        case .changeOfficerPIN(let uri):
            return TokenTaskReport(
                try office.changeOfficerPIN(try TokenURI(uri), from: try pin(0), to: try pin(1)))
        case .examine(let uri):
            let (info, objects) = try office.examine(try TokenURI(uri), userPIN: try pin(0))
            return TokenTaskReport(info, objects: objects)
        case .createKey(let uri, let arrival):
            let (info, key) = try office.createKey(
                try TokenURI(uri), userPIN: try pin(0), specification: arrival.specification,
                parts: try PrivateKeyParts(pkcs8: secrets[1]), expected: try arrival.publicKey)
            return TokenTaskReport(info, key: key)
        }
    }
}

extension HSMError {
    fileprivate var json: JSONValue {
        [
            "code": .string(code.rawValue), "function": function.map { .string($0) } ?? .null,
            "value": returnValue.map { .integer(Int64(clamping: $0.rawValue)) } ?? .null,
            "context": context.map { .string($0) } ?? .null,
        ]
    }
}

extension PrivateKeyParts {
    fileprivate convenience init(pkcs8: LockedBytes) throws(HSMError) {
        do {
            switch try PrivateKeyFile(pkcs8: pkcs8).parts {
            case .rsa(let numbers): self.init(.rsa(numbers))
            case .p256(let number): self.init(.curve(number))
            case .ed25519(let seed): self.init(.curve(seed))
            }
        } catch {
            throw HSMError(.importRefused, function: nil, returnValue: nil, context: "\(error)")
        }
    }
}

extension PIN {
    /// A PIN that lies in locked memory already, copied from there straight to its own.
    package convenience init(_ bytes: LockedBytes) throws(HSMError) {
        guard (1...PIN.longest).contains(bytes.count) else {
            throw HSMError(.pinLength, function: nil, returnValue: nil, context: "a PIN has 1 to \(PIN.longest) bytes")
        }
        try self.init(count: bytes.count) { room in
            bytes.withSpan { span in
                for index in span.indices { room[index] = span[index] }
            }
        }
    }
}
