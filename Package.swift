// swift-tools-version: 6.3
import PackageDescription

/// Every target of ours is built the same way: language mode 6, and a warning is an error.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// All symbols are bound at the start, and the table of their addresses is read-only from then on (full RELRO).
let hardening: [LinkerSetting] = [
    .unsafeFlags(["-Xlinker", "-z", "-Xlinker", "relro", "-Xlinker", "-z", "-Xlinker", "now"])
]

let package = Package(
    name: "odys",
    products: [
        .executable(name: "odys-fcgi", targets: ["OdysFCGI"]),
        .executable(name: "odysctl", targets: ["OdysCtl"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        // Only swift-crypto uses it; named here so that its version is exact too.
        .package(url: "https://github.com/apple/swift-asn1", exact: "1.7.4"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    ],
    targets: [
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CFCGI", pkgConfig: "fcgi", providers: [.apt(["libfcgi-dev"])]),
        .systemLibrary(name: "CMariaDB", pkgConfig: "libmariadb", providers: [.apt(["libmariadb-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .target(
            name: "OdysCore",
            dependencies: [
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "OdysStore",
            dependencies: ["OdysCore", "CMariaDB", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: settings
        ),
        .target(name: "OdysHost", dependencies: ["OdysCore", "CLinux"], swiftSettings: settings),
        .target(name: "OdysDelivery", dependencies: ["OdysCore", "CCurl"], swiftSettings: settings),
        .executableTarget(
            name: "OdysFCGI",
            dependencies: [
                "OdysCore", "OdysStore", "OdysDelivery", "OdysHost", "CFCGI",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings, linkerSettings: hardening
        ),
        .executableTarget(
            name: "OdysCtl",
            dependencies: [
                "OdysCore", "OdysStore", "OdysDelivery", "OdysHost",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings, linkerSettings: hardening
        ),
        .testTarget(
            name: "OdysCoreTests", dependencies: ["OdysCore"], exclude: ["Golden", "phones.txt"],
            swiftSettings: settings),
        .testTarget(
            name: "OdysFCGITests",
            dependencies: [
                "OdysCore", "OdysFCGI", "OdysHost", "OdysStore", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .testTarget(name: "OdysStoreTests", dependencies: ["OdysStore"], swiftSettings: settings),
        // OdysHost is tested here too: what changes the whole process, such as its time zone, runs one test at a time.
        .testTarget(
            name: "OdysDeliveryTests", dependencies: ["OdysDelivery", "OdysHost"], swiftSettings: settings),
    ]
)
