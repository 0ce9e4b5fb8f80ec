import Custody
import Foundation
import Testing
import VaultTesting

/// A file is put in the place of another, and nothing else is touched by it, whatever lies in the directory.
@Suite struct PrivateFileTests {
    private func made() throws -> (TemporaryDirectory, target: String, path: String) {
        let place = try TemporaryDirectory()
        let target = place.file("identity").path
        try PrivateFile.create(target, Array("a secret".utf8), mode: 0o600)
        return (place, target, place.file("answer").path)
    }

    /// The file is there, plain, with its mode, and what was linked to is as it was.
    private func expectArrival(_ path: String, _ target: String) throws {
        #expect(try PrivateFile.readPublic(path) == [1, 2, 3])
        #expect(try PrivateFile.readPublic(target) == Array("a secret".utf8))
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.type] as? FileAttributeType == .typeRegular)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        #expect((attributes[.referenceCount] as? NSNumber)?.intValue == 1)
        #expect(!FileManager.default.fileExists(atPath: path + ".new"))
    }

    @Test(arguments: ["", ".new"]) func aSymbolicLinkIsNotFollowed(ending: String) throws {
        let (place, target, path) = try made()
        defer { withExtendedLifetime(place) {} }
        try FileManager.default.createSymbolicLink(atPath: path + ending, withDestinationPath: target)
        try PrivateFile.replace(path, [1, 2, 3], mode: 0o600)
        try expectArrival(path, target)
    }

    @Test(arguments: ["", ".new"]) func aHardLinkIsNotWrittenThrough(ending: String) throws {
        let (place, target, path) = try made()
        defer { withExtendedLifetime(place) {} }
        try FileManager.default.linkItem(atPath: target, toPath: path + ending)
        try PrivateFile.replace(path, [1, 2, 3], mode: 0o600)
        try expectArrival(path, target)
    }

    @Test func whatACrashLeftOfALongerFileIsInNobodysWay() throws {
        let (place, target, path) = try made()
        defer { withExtendedLifetime(place) {} }
        try PrivateFile.create(path, [9], mode: 0o644)
        try PrivateFile.create(path + ".new", [UInt8](repeating: 7, count: 100), mode: 0o644)
        try PrivateFile.replace(path, [1, 2, 3], mode: 0o600)
        try expectArrival(path, target)
    }

    @Test func whatCannotBeRemovedIsNamedAndNothingChanges() throws {
        let (place, _, path) = try made()
        defer { withExtendedLifetime(place) {} }
        try PrivateFile.create(path, [9])
        try FileManager.default.createDirectory(atPath: path + ".new", withIntermediateDirectories: false)
        #expect {
            try PrivateFile.replace(path, [1, 2, 3])
        } throws: { error in
            (error as? CustodyError)?.code == .fileRefused && "\(error)".contains(path + ".new")
        }
        #expect(try PrivateFile.readPublic(path) == [9])
    }
}
