// swift-tools-version: 6.2
import PackageDescription

// One set of rules for every Swift target (docs/development.md, "Style in short").
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let crypto: [Target.Dependency] = [
    .product(name: "Crypto", package: "swift-crypto"),
    .product(name: "CryptoExtras", package: "swift-crypto"),
]
let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
]
// What Tests/FuzzTests feeds with input (scripts/fuzz).
let fuzzed = [
    "StrictEncoding", "HSMBridge", "Minting", "Policy", "AuditLog", "CoreProtocol", "Custody", "VaultCore",
    "VaultAppliance",
]
let parsers: [Target.Dependency] = fuzzed.map { .target(name: $0) } + [.product(name: "NIOCore", package: "swift-nio")]

let package = Package(
    name: "vault-appliance",
    products: [
        .executable(name: "vault-appliance", targets: ["vault-appliance"]),
        .library(name: "HSMBridge", targets: ["HSMBridge"]),
        .library(name: "AuditLog", targets: ["AuditLog"]),
        .library(name: "VaultTesting", targets: ["VaultTesting"]),
        .library(name: "FaultModule", type: .dynamic, targets: ["FaultModule"]),
    ],
    dependencies: [
        // The lower bounds are versions without known advisories (docs/threat-model.md, "Dependencies").
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        // async-http-client brings it in; named here for its lower bound alone.
        .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.46.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift.git", from: "0.2.0"),
    ],
    targets: [
        .systemLibrary(
            name: "CPKCS11", path: "Sources/CPKCS11", pkgConfig: "p11-kit-1", providers: [.apt(["libp11-kit-dev"])]),
        .target(name: "CVaultSystem", path: "Sources/CSystem"),
        .target(name: "CLibcrypto", linkerSettings: [.linkedLibrary("crypto")]),
        .target(name: "FaultModule", dependencies: ["CPKCS11"]),
        .target(name: "StrictEncoding", swiftSettings: strict),
        .target(
            name: "HSMBridge", dependencies: ["CPKCS11", "CVaultSystem"] + crypto, swiftSettings: strict),
        .target(name: "AuditLog", dependencies: ["StrictEncoding", "CVaultSystem"] + crypto, swiftSettings: strict),
        .target(name: "Minting", dependencies: ["StrictEncoding"] + crypto, swiftSettings: strict),
        .target(name: "Policy", swiftSettings: strict),
        .target(
            name: "Custody", dependencies: ["StrictEncoding", "AuditLog", "CVaultSystem", "CLibcrypto"] + crypto,
            swiftSettings: strict),
        .target(
            name: "CoreProtocol", dependencies: ["StrictEncoding", "AuditLog", "CVaultSystem"] + crypto + nio,
            swiftSettings: strict),
        .target(
            name: "VaultCore",
            dependencies: [
                "StrictEncoding", "HSMBridge", "AuditLog", "Custody", "Minting", "CoreProtocol", "CVaultSystem",
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ] + crypto + nio,
            swiftSettings: strict),
        .target(
            name: "VaultAppliance",
            dependencies: [
                "StrictEncoding", "Minting", "Policy", "AuditLog", "CoreProtocol", "Yams",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ] + crypto + nio,
            swiftSettings: strict),
        .executableTarget(
            name: "vault-appliance",
            dependencies: [
                "StrictEncoding", "VaultCore", "VaultAppliance", "HSMBridge", "AuditLog", "Custody", "Minting",
                "Policy",
                "CoreProtocol", "CVaultSystem",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
            ] + crypto + nio,
            swiftSettings: strict,
            // Symbols are bound at once, and the table of them cannot be written any more: whoever binds one later saves
            // registers, and what they hold of a PIN, on the stack.
            linkerSettings: [.unsafeFlags(["-Xlinker", "-z", "-Xlinker", "now"])]),
        .target(
            name: "VaultTesting",
            dependencies: [
                "HSMBridge", "StrictEncoding", "Custody", .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
            ] + crypto,
            swiftSettings: strict),
        .executableTarget(
            name: "vault-development",
            dependencies: [
                "VaultTesting", "StrictEncoding", "HSMBridge", "Custody", "CVaultSystem",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        .testTarget(name: "StrictEncodingTests", dependencies: ["StrictEncoding"], swiftSettings: strict),
        .testTarget(
            name: "HSMBridgeTests", dependencies: ["HSMBridge", "VaultTesting", "CPKCS11"] + crypto,
            swiftSettings: strict),
        .testTarget(
            name: "AuditLogTests", dependencies: ["AuditLog", "StrictEncoding"] + crypto, exclude: ["verify_log.py"],
            swiftSettings: strict),
        .testTarget(
            name: "MintingTests", dependencies: ["Minting", "StrictEncoding"] + crypto, swiftSettings: strict),
        .testTarget(
            name: "FuzzTests", dependencies: parsers, exclude: ["CFuzzer", "Corpus", "Fuzz.swift"],
            swiftSettings: strict),
        .testTarget(name: "PolicyTests", dependencies: ["Policy"], swiftSettings: strict),
        .testTarget(
            name: "CustodyTests", dependencies: ["Custody", "StrictEncoding", "VaultTesting"] + crypto,
            swiftSettings: strict),
        .testTarget(
            name: "CoreProtocolTests",
            dependencies: [
                "CoreProtocol", "AuditLog", "StrictEncoding", .product(name: "NIOEmbedded", package: "swift-nio"),
            ] + nio,
            swiftSettings: strict),
        .testTarget(
            name: "VaultCoreTests",
            dependencies: [
                "VaultCore", "HSMBridge", "AuditLog", "Custody", "CoreProtocol", "Minting", "StrictEncoding",
                "VaultTesting", .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"), .product(name: "Logging", package: "swift-log"),
            ] + crypto + nio,
            swiftSettings: strict),
        .testTarget(
            name: "ConfigurationTests",
            dependencies: ["VaultAppliance", "AuditLog", "Custody", "Policy", "StrictEncoding"] + crypto,
            swiftSettings: strict),
        .testTarget(
            name: "ListenerTests",
            dependencies: [
                "VaultAppliance", "Minting", "StrictEncoding", .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"), .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ] + crypto + nio,
            swiftSettings: strict),
        .testTarget(
            name: "ExchangeTests",
            dependencies: [
                "VaultAppliance", "VaultCore", "VaultTesting", "AuditLog", "CoreProtocol", "Custody", "Minting",
                "Policy",
                "StrictEncoding", .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "Logging", package: "swift-log"),
            ] + crypto,
            swiftSettings: strict),
    ]
)

// scripts/fuzz names libFuzzer's library here: then, and only then, the tests give way to a program that fuzzes the
// parsers, and the modules they are in are instrumented. -enable-testing lets it reach parsers that are internal.
if let fuzzer = Context.environment["VAULT_FUZZER"] {
    package.targets.removeAll { $0.type == .test }
    for target in package.targets where fuzzed.contains(target.name) {
        target.swiftSettings = strict + [.unsafeFlags(["-sanitize=fuzzer", "-enable-testing"])]
    }
    package.targets += [
        .systemLibrary(name: "CFuzzer", path: "Tests/FuzzTests/CFuzzer"),
        .executableTarget(
            name: "fuzz-parsers", dependencies: ["CFuzzer"] + parsers, path: "Tests/FuzzTests",
            exclude: ["CFuzzer", "Corpus", "CorpusTests.swift"], swiftSettings: strict,
            linkerSettings: [.unsafeFlags([fuzzer]), .linkedLibrary("stdc++"), .linkedLibrary("m")]),
    ]
}
