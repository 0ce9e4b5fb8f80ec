internal import Foundation
import StrictEncoding

/// The approvals that lie in the custody directory: a directory for each document, with a signature for each approver.
package struct BundleApprovals: Sendable {
    /// A document with those who have signed it, among the approvers of a manifest.
    package struct Signed: Sendable {
        package let approval: BundleApproval
        /// The names of those whose signatures hold.
        package let approvers: [String]
    }

    /// How many documents under one number one approver may have signed: his cannot crowd out what others sign.
    private static let mostOfOne = 32

    private let directory: String
    private let mostDocuments: Int

    /// The approvals of a custody directory, of which so many are looked at, from the lowest number on.
    package init(_ directory: CustodyDirectory, mostDocuments: Int = 10_000) {
        self.directory = directory.approvals
        self.mostDocuments = mostDocuments
    }

    /// Keeps a document and one approver's signature; a signature that is there is never overwritten.
    package func add(_ approval: BundleApproval, signature: String, by name: String) throws(CustodyError) {
        let place = place(of: approval)
        try PrivateFile.makeDirectory(place)
        let document = "\(place)/approval.json"
        if !FileManager.default.fileExists(atPath: document) {
            try PrivateFile.create(document, approval.bytes, mode: 0o600)
        }
        try PrivateFile.create("\(place)/\(name).sig", Array(signature.utf8), mode: 0o600)
    }

    /// Takes a signature back whose leaf could not be written.
    package func withdraw(_ approval: BundleApproval, by name: String) {
        try? FileManager.default.removeItem(atPath: "\(place(of: approval))/\(name).sig")
    }

    /// Refuses one more document under a number of which one approver has signed many.
    package func checkRoom(for approval: BundleApproval, by name: String) throws(CustodyError) {
        let signed = names(from: approval.number).prefix { $0.number == approval.number }.filter {
            FileManager.default.fileExists(atPath: "\(directory)/\($0.name)/\(name).sig")
        }
        guard signed.count < Self.mostOfOne else {
            throw CustodyError(
                .repeated,
                "\(name) has signed \(signed.count) documents with the number \(approval.number), and no more are taken: "
                    + "another approver completes one of them, or \(name) signs under a higher number")
        }
    }

    /// The documents from a number on in the order of their numbers, with those of `people` who have signed each; what
    /// cannot be read is left out.
    package func signed(from number: Int64, by people: [Manifest.Person]) -> [Signed] {
        names(from: number).prefix(mostDocuments).compactMap { entry in
            guard let bytes = try? PrivateFile.readPublic("\(directory)/\(entry.name)/approval.json"),
                let approval = try? BundleApproval(file: bytes), approval.number == entry.number
            else { return nil }
            return Signed(approval: approval, approvers: signers(of: approval, among: people))
        }
    }

    /// The directories of documents from a number on, in the order of their numbers.
    private func names(from number: Int64) -> [(number: Int64, name: String)] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.compactMap { name in
            name.split(separator: "-").first.flatMap { Int64($0) }.map { ($0, name) }
        }.filter { $0.number >= number }.sorted { ($0.number, $0.name) < ($1.number, $1.name) }
    }

    /// Those of `people` whose signature of the document lies there and holds.
    package func signers(of approval: BundleApproval, among people: [Manifest.Person]) -> [String] {
        people.map(\.name).filter { name in
            guard let bytes = try? PrivateFile.readPublic("\(place(of: approval))/\(name).sig") else { return false }
            let signer = try? Quorum.signer(
                of: approval.bytes, signature: String(decoding: bytes, as: UTF8.self), for: .configuration,
                among: people)
            return signer?.name == name
        }
    }

    private func place(of approval: BundleApproval) -> String {
        "\(directory)/\(approval.number)-\(approval.hash.prefix(16))"
    }
}
