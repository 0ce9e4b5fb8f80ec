import StrictEncoding

extension Manifest {
    /// How the token is brought to life: which epoch's secret, and what each custodian's share must be.
    package struct Activation: Sendable, Equatable {
        /// One custodian's share, without saying anything of it.
        package struct Share: Sendable, Equatable {
            /// The custodian's name.
            package var custodian: String
            /// The share's index, from 1.
            package var index: Int64
            /// SHA-256 of the share, in hexadecimal.
            package var commitment: String

            /// A share.
            package init(custodian: String, index: Int64, commitment: String) {
                self.custodian = custodian
                self.index = index
                self.commitment = commitment
            }
        }

        /// Counts activation secrets, from 1.
        package var epoch: Int64
        package var shares: [Share]

        /// An epoch with its shares.
        package init(epoch: Int64, shares: [Share]) {
            self.epoch = epoch
            self.shares = shares
        }
    }
}

extension Manifest.Activation {
    var json: JSONValue {
        [
            "epoch": .integer(epoch),
            "shares": .array(
                shares.map { share in
                    [
                        "custodian": .string(share.custodian), "index": .integer(share.index),
                        "commitment": .string(share.commitment),
                    ]
                }),
        ]
    }

    init(json: JSONValue, path: String) throws(SchemaFault) {
        var reader = try ObjectReader(json, path: path)
        epoch = try reader.integer("epoch", in: 1...Int64(UInt32.max))
        shares = []
        for element in try reader.elements("shares") {
            var reader = try ObjectReader(element.value, path: element.path)
            shares.append(
                Share(
                    custodian: try reader.string("custodian"),
                    index: try reader.integer("index", in: 1...Int64(Shamir.mostShares)),
                    commitment: try reader.string("commitment")))
            try reader.finish()
        }
        try reader.finish()
    }
}
