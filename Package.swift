// swift-tools-version: 6.2

import PackageDescription

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),  // SE-0335
  .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
  .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),  // SE-0461
  .strictMemorySafety(),  // SE-0458: every unsafe use is spelled `unsafe`
]

/// Tests use the same language mode; unsafe pointers never appear there, so strict memory safety adds nothing.
let testSettings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

// Targets stand in data-flow order; each imports only those above it.
let package = Package(
  name: "FusionSpec",
  products: [
    .library(name: "FusionSpec", targets: ["FusionSpec"]),
    .executable(name: "fusionspec", targets: ["FusionSpecCLI"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    // SwiftPM compiles C without optimisation in debug builds; the kernels would be 30 times slower there.
    .target(
      name: "CKernels",
      cSettings: [.unsafeFlags(["-O3"], .when(configuration: .debug)), .unsafeFlags(["-ffp-contract=off"])]),
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .target(name: "CSentencePiece", linkerSettings: [.linkedLibrary("sentencepiece")]),
    .target(name: "Tensors", dependencies: ["CKernels"], swiftSettings: settings),
    .target(name: "Checkpoints", dependencies: ["Tensors"], swiftSettings: settings),
    .target(name: "ChatTemplates", swiftSettings: settings),
    .target(
      name: "Tokenization", dependencies: ["CSentencePiece", "ChatTemplates"],
      swiftSettings: settings),
    .target(name: "Models", dependencies: ["Tensors", "Checkpoints"], swiftSettings: settings),
    .target(name: "Decoding", dependencies: ["Tensors", "Models"], swiftSettings: settings),
    .target(
      name: "FusionSpec",
      dependencies: ["Tensors", "Checkpoints", "ChatTemplates", "Tokenization", "Models", "Decoding"],
      swiftSettings: settings),
    .executableTarget(
      name: "FusionSpecCLI",
      dependencies: [
        "FusionSpec", "Tensors", "Checkpoints", "ChatTemplates", "Tokenization", "Models", "Decoding",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings),
    .executableTarget(
      name: "Conversation", dependencies: ["FusionSpec"], path: "Samples/Conversation",
      swiftSettings: settings),
    .testTarget(
      name: "TensorsTests", dependencies: ["Tensors", "CKernels", "COpenBLAS"],
      swiftSettings: testSettings),
    .testTarget(name: "CheckpointsTests", dependencies: ["Checkpoints"], swiftSettings: testSettings),
    .testTarget(
      name: "ChatTemplatesTests", dependencies: ["ChatTemplates"], exclude: ["Fixtures"],
      swiftSettings: testSettings),
    .testTarget(
      name: "TokenizationTests", dependencies: ["Tokenization"], exclude: ["Fixtures"],
      swiftSettings: testSettings),
    .testTarget(
      name: "ModelsTests", dependencies: ["Models", "Checkpoints", "Decoding"],
      swiftSettings: testSettings),
    .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
    .testTarget(
      name: "DecodingTests",
      dependencies: ["CAllocationCounter", "Decoding", "Models", "Checkpoints", "Tensors"],
      swiftSettings: testSettings),
    .testTarget(
      name: "ExactnessTests", dependencies: ["FusionSpec", "Decoding", "Models", "Tensors"],
      swiftSettings: testSettings),
    .testTarget(
      name: "FusionSpecTests",
      dependencies: [
        "FusionSpec", "Decoding", "Models", "Tokenization", "ChatTemplates", "Checkpoints", "Tensors",
      ],
      swiftSettings: testSettings),
    .testTarget(
      name: "CommandLineTests", dependencies: ["FusionSpecCLI", "FusionSpec", "Decoding"],
      exclude: ["chat_terminal.py"], swiftSettings: testSettings),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c17,
  cxxLanguageStandard: .cxx17
)
