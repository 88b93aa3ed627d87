import Foundation
import Testing

/// Streams that are full or closed, refused memory, Ctrl-C: what a shell may do to a command ends in a line, never in a trap.
struct StandardStreamsTests {
  /// Runs a line of shell in which `fusionspec` is the built command.
  private func shell(_ line: String, model: String? = Command.abacus) throws -> Command.Outcome {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", line]
    var environment = ProcessInfo.processInfo.environment
    environment["PATH"] =
      Command.executable.deletingLastPathComponent().path + ":" + (environment["PATH"] ?? "")
    environment["FUSIONSPEC_MODEL"] = model
    environment["NO_COLOR"] = "1"
    process.environment = environment
    process.currentDirectoryURL = FileManager.default.temporaryDirectory
    let (output, errors) = (Pipe(), Pipe())  // short texts: pipes do not fill
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    process.waitUntilExit()
    func text(_ pipe: Pipe) throws -> String {
      String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    }
    return Command.Outcome(
      status: process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus,
      output: try text(output), errors: try text(errors))
  }

  @Test(arguments: [
    "inspect >/dev/full", "inspect --json >/dev/full", "tokenize abc >/dev/full", "tokenize abc >&-",
    "generate a --max-tokens 3 >/dev/full", "generate a --max-tokens 3 --json >&-",
  ])
  func `a stdout that cannot be written is an error`(command: String) throws {
    let outcome = try shell("fusionspec " + command)
    #expect(outcome.status == 1)
    #expect(outcome.errors.hasPrefix("error: standard output: cannot be written"), "\(outcome.errors)")
    #expect(outcome.errors.split(separator: "\n").count == 1)
  }

  @Test(arguments: ["2>/dev/full", "2>&-"])
  func `a stderr that cannot be written changes no result`(redirection: String) throws {
    let command = "fusionspec generate --token-ids 5,6,7 --max-tokens 3"
    let expected = try shell(command)
    let outcome = try shell(command + " " + redirection)
    #expect(outcome.status == 0)
    #expect(outcome.output == expected.output && outcome.errors.isEmpty)
  }

  @Test func `a closed stdin is the end of the input`() throws {
    #expect(try shell("timeout 20 fusionspec chat <&-").status == 0)
    let outcome = try shell("timeout 20 fusionspec generate --prompts - <&-")
    #expect(outcome.status == 64 && outcome.errors.contains("no prompts"), "\(outcome.errors)")
  }

  @Test func `a command found through the path finds the sample`() throws {
    let outcome = try shell("fusionspec inspect --json", model: nil)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try outcome.json()["model_type"] != nil)
  }

  @Test func `refused memory and threads end in one line`() throws {
    var refusals = 0
    for kilobytes in [108_000, 120_000, 130_000, 140_000, 150_000, 160_000, 170_000] {
      let outcome = try shell("ulimit -v \(kilobytes); fusionspec generate a --max-tokens 3 --threads 2")
      if outcome.status == 0 { continue }  // enough for a leaner system
      refusals += 1
      #expect(outcome.status == 1, "\(outcome.errors)")
      #expect(outcome.errors.hasPrefix("error: "))
      #expect(outcome.errors.split(separator: "\n").count <= 2)
    }
    #expect(refusals > 0)
  }

  @Test func `a reply that Ctrl-C ends is cancelled`() throws {
    // Before the first token there is nothing to print; a busy machine gets there late.
    for seconds in [2, 5, 15, 45] {
      let outcome = try shell(
        "timeout --preserve-status -s INT \(seconds) fusionspec generate 'Tell me a short story.' --ignore-eos "
          + "--isa scalar --max-tokens 1000 --json")
      #expect(outcome.status == 130 || outcome.status == 0, "\(outcome.errors)")
      if outcome.status == 130, outcome.output.isEmpty { continue }
      return #expect(try outcome.json()["finish_reason"] as? String == "cancelled")
    }
    Issue.record("no reply began in time")
  }

  @Test func `Ctrl-C ends a command that does not watch for it with its status`() throws {
    let process = Process()
    process.executableURL = Command.executable
    process.arguments = ["demo", "--repetitions", "99", "--isa", "scalar", "--model", Command.abacus]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    #expect(!output.fileHandleForReading.availableData.isEmpty)
    process.interrupt()
    for _ in 0..<600 where process.isRunning { Thread.sleep(forTimeInterval: 0.1) }
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 130)
  }

  @Test func `an error of a prompts file names the line`() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).jsonl")
    defer { try? FileManager.default.removeItem(at: file) }
    let long = String(repeating: "three words more ", count: 2000)
    try Data("{\"prompt\":\"a\"}\n{\"prompt\":\"\(long)\"}\n".utf8).write(to: file)
    let outcome = try Command.run(["generate", "--prompts", file.path, "--max-tokens", "3"])
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("\(file.path) line 2: "), "\(outcome.errors)")
  }
}
