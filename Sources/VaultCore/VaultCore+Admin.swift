import AuditLog
import CoreProtocol
import Custody
import Glibc
import HSMBridge
import NIOCore
import StrictEncoding

extension VaultCore {
    /// Executes one command of the admin socket: a JSON object with the member `command`.
    ///
    /// `user` is who gives it, as the kernel says; this process itself where nobody does.
    func execute(_ payload: ByteBuffer, of user: UInt32 = getuid()) async throws(CoreError) -> JSONValue {
        var payload = payload
        guard let json = payload.readJSON() else { throw CoreError(.malformed, "the command is not strict JSON") }
        do {
            var reader = try ObjectReader(json)
            let command = try reader.string("command")
            if let answer = try await executeCustody(command, &reader, user: user) { return answer }
            if let answer = try await executeSecrets(command, &reader) { return answer }
            if let answer = try await executeCeremony(command, &reader, user: user) { return answer }
            switch command {
            case "status":
                try reader.finish()
                return status
            case "tls-csr":
                let request = try CertificateRequest(&reader)
                try reader.finish()
                try checkActive()
                return ["csr": .string(try await request.sign(with: try tlsKey(of: request)))]
            case "audit-read": return try readLog(&reader)
            case "cutoff": return try await cutOff(&reader)
            case "cutoffs":
                try reader.finish()
                return cutOffs
            default: throw CoreError(.refused, "command: is not known")
            }
        } catch let fault as SchemaFault {
            throw CoreError(.malformed, "\(fault)")
        } catch let error as CoreError {
            throw error
        } catch let error as HSMError {
            throw CoreError(error)
        } catch let error as AuditLogError {
            throw CoreError(error)
        } catch {
            throw CoreError(.malformed, "the command failed: \(error)")
        }
    }

    /// The key a request is for: of the token it names, else of the first token that is well.
    private func tlsKey(of request: CertificateRequest) throws(CoreError) -> KeyRing.TLS {
        let keys = try keys.tls(label: request.key)
        let standings = hsms.standings
        if let token = request.token {
            let serial = standings.first { $0.serial == token || $0.label == token }?.serial
            guard let key = keys.first(where: { $0.manifest.token == serial }) else {
                throw CoreError(.unknownKey, "no open token of this name has such a key")
            }
            return key
        }
        return keys.first { key in standings.contains { $0.isAvailable(key.manifest) } } ?? keys[0]
    }
}
