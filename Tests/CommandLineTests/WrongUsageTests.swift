import Foundation
import Testing

/// Options out of range and requests that cannot be served: exit status 64 and an error that says what is accepted.
struct WrongUsageTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let arguments: [String]
    let mentions: String
    var testDescription: String { arguments.joined(separator: " ") }

    init(_ arguments: String..., mentions: String) {
      self.arguments = arguments
      self.mentions = mentions
    }
  }

  static let cases = [
    Case("generate", mentions: "prompt"),
    Case("generate", "", mentions: "empty"),
    Case("generate", "a", "--token-ids", "1", mentions: "only one"),
    Case("generate", "--token-ids", "", mentions: "--token-ids"),
    Case("generate", "--token-ids", "1,x", mentions: "'x'"),
    Case("generate", "--token-ids", "1,99999", mentions: "99999"),
    Case("generate", "--token-ids=-3", mentions: "-3"),
    Case("generate", "a", "--depth", "9", mentions: "1 to 8"),
    Case("generate", "a", "--depth", "0", mentions: "1 to 8"),
    Case("generate", "a", "--depth", "2", "--speculation", "off", mentions: "--depth"),
    Case("generate", "a", "--speculation", "maybe", mentions: "maybe"),
    Case("generate", "a", "--temperature", "-1", mentions: "temperature"),
    Case("generate", "a", "--temperature", "nan", mentions: "temperature"),
    Case("generate", "a", "--top-p", "0", mentions: "top-p"),
    Case("generate", "a", "--top-p", "1.5", mentions: "top-p"),
    Case("generate", "a", "--top-k", "-1", mentions: "top-k"),
    Case("generate", "a", "--min-p", "2", mentions: "min-p"),
    Case("generate", "a", "--repetition-penalty", "0", mentions: "repetition-penalty"),
    Case("generate", "a", "--max-tokens", "0", mentions: "max-tokens"),
    Case("generate", "a", "--max-tokens", "9223372036854775807", mentions: "max-tokens"),
    Case("generate", "a", "--answer-reserve", "9223372036854775807", mentions: "answer-reserve"),
    Case("generate", "a", "--context", "9223372036854775807", mentions: "context"),
    Case("demo", "--max-tokens", "9223372036854775807", mentions: "max-tokens"),
    Case(
      "acceptance", "--prompts", "x.jsonl", "--max-tokens", "9223372036854775807", mentions: "max-tokens"),
    Case("generate", "a", "--min-tokens", "300", mentions: "min-tokens"),
    Case("generate", "a", "--logit-bias", "x=1", mentions: "x=1"),
    Case("generate", "a", "--logit-bias", "99999=1", mentions: "99999"),
    Case("generate", "a", "--seed", "-1", mentions: "seed"),
    Case("generate", "a", "--threads", "0", mentions: "threads"),
    Case("generate", "a", "--isa", "avx9", mentions: "avx9"),
    Case("generate", "a", "--weights", "int3", mentions: "int3"),
    Case("generate", "a", "--kv-cache", "q8", mentions: "q8"),
    Case("generate", "a", "--context", "1", mentions: "context"),
    Case("generate", "a", "--batch", "2", mentions: "--prompts"),
    Case("generate", "a", "--batch", "0", mentions: "batch"),
    Case("generate", "a", "--thinking", "deep", mentions: "deep"),
    Case("generate", "a", "--thinking-budget", "-1", mentions: "thinking-budget"),
    Case("generate", "a", "--max-tokens", "10", "--answer-reserve", "9", mentions: "answer-reserve"),
    Case("generate", "a", "--thinking-budget", "9223372036854775807", mentions: "thinking-budget"),
    Case("generate", "a", "--thinking-budget", "254", mentions: "0 to 253"),
    Case(
      "generate", "a", "--max-tokens", "9", "--thinking-budget", "0", "--thinking-bridge",
      "so I say 1 2 3 4 5 6 7 8",
      mentions: "bridge"),
    Case("generate", "a", "--thinking-bridge", "so", mentions: "--thinking-budget"),
    Case("generate", "a", "--auto-threshold", "1.5", "--thinking", "auto", mentions: "auto-threshold"),
    Case("generate", "a", "--auto-threshold", "nan", "--thinking", "auto", mentions: "auto-threshold"),
    Case("generate", "a", "--auto-threshold", "0.5", "--thinking", "auto", mentions: "auto-threshold"),
    Case("generate", "a", "--auto-thinking", "runtime", mentions: "--thinking auto"),
    Case("generate", "a", "--auto-thinking", "guess", mentions: "guess"),
    Case("generate", "a", "--raw", "--thinking", "fast", mentions: "chat template"),
    Case("acceptance", "--prompts", "x.jsonl", "--thinking-budgets", "1,-2", mentions: "thinking-budgets"),
    Case("generate", "a", "--context", "4", mentions: "context"),
    Case("generate", "a", "--no-such-option", mentions: "no-such-option"),
    Case("score", mentions: "--text"),
    Case("score", "--text", "a", "--token-ids", "1", mentions: "one of"),
    Case("score", "--text", "", mentions: "empty"),
    Case("score", "--text", "a", "--against-kv-cache", "q8", mentions: "q8"),
    Case("score", "--text", "a", "--against-kv-cache", "f32", "--dump", "x", mentions: "--dump"),
    Case("score", "--prompts", "x.jsonl", mentions: "--against-kv-cache"),
    Case("tokenize", mentions: "TEXT"),
    Case("tokenize", "--ids", "5000", mentions: "5000"),
    Case("generate", "a", "--seed=-1", mentions: "accepted: 0 to 18446744073709551615"),
    Case("generate", "a", "--max-tokens", "x", mentions: "accepted: a whole number"),
    Case("generate", "a", "--logit-bias", "z", mentions: "accepted: id=number"),
    Case("bench", "--rows", "1,1", mentions: "accepted: different whole numbers"),
    Case("acceptance", "--prompts", "x", "--depths", "1,1", mentions: "each once"),
    Case("inspect", "--weights", "int5", mentions: "int5"),
    Case("tokenize", "a", "--color", "red", mentions: "red"),
    Case("no-such-command", mentions: "no-such-command"),
  ]

  @Test(arguments: cases)
  func `wrong usage is status 64 and names the trouble`(_ usage: Case) throws {
    let outcome = try Command.run(usage.arguments)
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains(usage.mentions), "\(outcome.errors)")
    #expect((1...2).contains(outcome.errors.split(separator: "\n").count), "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
  }

  @Test(arguments: [
    ["generate", "a", "--speculation"], ["generate", "--token-ids"], ["generate", "a", "--isa"],
    ["tokenize", "--ids"],
  ])
  func `long and coloured values are shown in part`(_ arguments: [String]) throws {
    let value = String(repeating: "\u{1B}[31mx", count: 2000)
    let outcome = try Command.run(arguments + [value])
    #expect(outcome.status == 64)
    #expect(outcome.errors.utf8.count < 1500 && !outcome.errors.contains("\u{1B}"), "\(outcome.errors)")
  }

  @Test
  func `a path with an apostrophe is shown whole`() throws {
    let folder = "/nonexistent/bob's models/" + String(repeating: "a", count: 200)
    let outcome = try Command.run(["inspect"], model: folder)
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains(folder), "\(outcome.errors)")
  }

  @Test
  func `a folder in place of a file is named as one`() throws {
    let outcome = try Command.run(["generate", "--prompts", "/tmp"])
    #expect(outcome.status == 1)
    #expect(outcome.errors == "error: /tmp: cannot be read: Is a directory\n")
  }

  @Test
  func `a thinking mode that the model does not have is refused`() throws {
    let outcome = try Command.run(
      ["generate", "--token-ids", "1,2", "--thinking", "slow"], model: Command.fixture.path)
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("thinking"))
    let budget = try Command.run(
      ["generate", "--token-ids", "1,2", "--thinking-budget", "3"], model: Command.fixture.path)
    #expect(budget.status == 64)
    #expect(budget.errors.contains("thinking-budget"))
  }

  @Test(arguments: [
    (#"{"id": "a"}"#, "prompt"), ("nonsense", "line 1"), (#"{"prompt": 3}"#, "prompt"), ("", "no prompts"),
    (#"{"prompt": "a", "messages": []}"#, "exactly one"),
    (#"{"prompt": "a", "thinking": "deep"}"#, "thinking"),
    (#"{"prompt": ""}"#, "line 1: the prompt is empty"),
    ("{\"prompt\": \"a\"}\r\n\r\n{\"prompt\": 3}\r\n", "line 3"),
  ])
  func `a wrong prompts file names the line`(_ content: String, _ mention: String) throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "prompts-\(UUID().uuidString).jsonl")
    try content.write(to: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: file) }
    let outcome = try Command.run(["generate", "--prompts", file.path])
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains(mention), "\(outcome.errors)")
  }

  @Test
  func `a missing prompt file is a failure at run time`() throws {
    let outcome = try Command.run(["generate", "--prompt-file", "/nonexistent/prompt.txt"])
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("/nonexistent/prompt.txt"))
  }
}
