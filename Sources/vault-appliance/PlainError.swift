import CoreProtocol
import Custody
import Foundation
import HSMBridge
import NIOCore
import NIOPosix
import NIOSSL
import VaultCore

/// Errors of libraries in the words of this program: what is wrong with which file, and what to do.
enum PlainError {
    /// The same error, or a `CommandFailure` in its place where it was written for programmers.
    static func of(_ error: any Error) -> any Error {
        switch error {
        case let error as CoreError where error.code == .unreachable: core(error)
        case let error as CocoaError: file(error) ?? error
        case is NIOSSLError, is BoringSSLError:
            CommandFailure(
                "a certificate or key could not be read, or TLS failed. Mend: see that each PEM file is whole")
        // What our own libraries say, broken between words where a terminal ends.
        case is CustodyError, is CoreError, is StartError, is HSMError: oneLine(error)
        default: error
        }
    }

    private static func oneLine(_ error: any Error) -> any Error {
        let text = "\(error)"
        return text.contains("\n") ? error : CommandFailure(text)
    }

    /// The admin socket does not answer.
    static func core(_ error: CoreError) -> CommandFailure {
        if error.reason == CoreError.connectionBroke {
            return CommandFailure(
                "\(error.reason): this user is not among core.admin_users, or it stopped. Its own log says which, and why, "
                    + "such as that the audit log's disk is full; a ceremony that has begun goes on by ceremony resume")
        }
        return CommandFailure("\(error.reason). Is the core running, and is this user among core.admin_users?")
    }

    /// A file that could not be read or written; nil for what is about no file.
    private static func file(_ error: CocoaError) -> CommandFailure? {
        guard let path = error.filePath ?? error.url?.path else { return nil }
        switch error.code {
        case .fileNoSuchFile, .fileReadNoSuchFile:
            return CommandFailure("\(path): is not there. Mend: correct the name, or make its directory")
        case .fileReadNoPermission:
            return CommandFailure("\(path): cannot be read by this user. Mend: see its permissions")
        case .fileWriteNoPermission, .fileWriteVolumeReadOnly:
            return CommandFailure("\(path): cannot be written by this user. Mend: see the permissions of its directory")
        case .fileWriteFileExists:
            return CommandFailure("\(path): is there already. Mend: name another file, or remove this one")
        case .fileWriteOutOfSpace:
            return CommandFailure("\(path): there is no space left. Mend: make room on its disk")
        default:
            return CommandFailure(
                "\(path): cannot be read or written. Mend: see that it is a file, and its permissions")
        }
    }

    /// Why a listener could not be reached or did not shake hands.
    static func connection(_ error: any Error, to url: String) -> any Error {
        switch error {
        case is NIOConnectionError, is IOError:
            CommandFailure(
                "\(url): nothing answers there. Mend: see the address, and whether the front runs and is ready")
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            CommandFailure(
                "\(url): the TLS handshake failed. Mend: --ca must vouch for the listener, and the listener for --cert; a "
                    + "sealed vault answers no handshake either")
        case is CommandFailure: error
        default:
            "\(type(of: error))" == "HTTPClientError"
                ? CommandFailure("\(url): no whole answer came (\(error)). Mend: see whether the front is ready")
                : error
        }
    }
}

/// Certificates and keys that a command is given by file.
enum PEMFile {
    /// The certificates of the file that an option names.
    static func certificates(_ path: String, _ option: String) throws -> [NIOSSLCertificate] {
        let found = (try? NIOSSLCertificate.fromPEMBytes(try bytes(path, option))) ?? []
        guard !found.isEmpty else {
            throw CommandFailure("\(option): \(path) holds no certificate in PEM. Mend: give the file it is in")
        }
        return found
    }

    /// The private key of the file that an option names.
    static func key(_ path: String, _ option: String) throws -> NIOSSLPrivateKey {
        guard let key = try? NIOSSLPrivateKey(bytes: try bytes(path, option), format: .pem) else {
            throw CommandFailure("\(option): \(path) holds no private key in PEM. Mend: give the file it is in")
        }
        return key
    }

    private static func bytes(_ path: String, _ option: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandFailure("\(option): \(path) cannot be read. Mend: see that it is there, and its permissions")
        }
        return Array(data)
    }
}
