import Foundation

/// Runs the built `fusionspec` as a user would.
enum Command {
  struct Outcome {
    let status: Int32
    let output: String
    let errors: String

    /// The one JSON document that was printed.
    func json() throws -> [String: Any] {
      try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any] ?? [:]
    }
  }

  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  static let abacus = root.appending(path: "Samples/Abacus").path
  static let fixture = root.appending(path: "Tests/Fixtures/deepseek-v3/plain-f32")

  /// The executable lies beside the test bundle.
  static var executable: URL {
    var folder = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    while folder.path != "/" {
      let candidate = folder.appending(path: "fusionspec")
      if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate }
      folder.deleteLastPathComponent()
    }
    return root.appending(path: ".build/release/fusionspec")
  }

  static func run(_ arguments: [String], input: String = "", model: String? = abacus) throws -> Outcome {
    try run(arguments, bytes: Data(input.utf8), model: model)
  }

  static func run(_ arguments: [String], bytes: Data, model: String? = abacus) throws -> Outcome {
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    var environment = ProcessInfo.processInfo.environment
    environment["FUSIONSPEC_MODEL"] = model
    environment["NO_COLOR"] = "1"
    process.environment = environment
    let folder = FileManager.default.temporaryDirectory.appending(path: "fusionspec-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    // Files, not pipes: neither side can block on a full one.
    func file(_ name: String, _ content: Data = Data()) throws -> URL {
      let url = folder.appending(path: name)
      try content.write(to: url)
      return url
    }
    let (output, errors) = (try file("output"), try file("errors"))
    process.standardInput = try FileHandle(forReadingFrom: file("input", bytes))
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    process.waitUntilExit()
    return Outcome(
      status: process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus,
      output: try String(contentsOf: output, encoding: .utf8),
      errors: try String(contentsOf: errors, encoding: .utf8))
  }

  /// A copy of the fixture checkpoint with its configuration or files changed.
  static func brokenModel(_ change: (_ folder: URL) throws -> Void) throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "model-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for name in ["config.json", "model.safetensors"] {
      try FileManager.default.copyItem(at: fixture.appending(path: name), to: folder.appending(path: name))
    }
    try change(folder)
    return folder
  }

  /// Sets (or with nil removes) keys of a folder's config.json.
  static func edit(_ folder: URL, _ changes: [String: Any?]) throws {
    let url = folder.appending(path: "config.json")
    var object = try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any] ?? [:]
    for (key, value) in changes { object[key] = value }
    try JSONSerialization.data(withJSONObject: object).write(to: url)
  }
}
