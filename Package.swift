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

let package = Package(
    name: "odys",
    products: [
        .executable(name: "odys-fcgi", targets: ["OdysFCGI"]),
        .executable(name: "odysctl", targets: ["OdysCtl"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .systemLibrary(name: "CFCGI", pkgConfig: "fcgi", providers: [.apt(["libfcgi-dev"])]),
        .systemLibrary(name: "CMariaDB", pkgConfig: "libmariadb", providers: [.apt(["libmariadb-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .target(
            name: "OdysCore",
            dependencies: [
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "OdysStore",
            dependencies: ["OdysCore", "CMariaDB", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: settings
        ),
        .target(name: "OdysDelivery", dependencies: ["OdysCore", "CCurl"], swiftSettings: settings),
        .executableTarget(
            name: "OdysFCGI",
            dependencies: [
                "OdysCore", "OdysStore", "OdysDelivery", "CFCGI",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "OdysCtl",
            dependencies: [
                "OdysCore", "OdysStore", "OdysDelivery",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "OdysCoreTests", dependencies: ["OdysCore"], exclude: ["Golden"], swiftSettings: settings),
        .testTarget(
            name: "OdysFCGITests",
            dependencies: ["OdysDelivery", "OdysFCGI", .product(name: "Logging", package: "swift-log")],
            swiftSettings: settings),
        .testTarget(name: "OdysStoreTests", dependencies: ["OdysStore"], swiftSettings: settings),
        .testTarget(name: "OdysDeliveryTests", dependencies: ["OdysDelivery"], swiftSettings: settings),
    ]
)
