import Foundation
import Testing

/// `fusionspec chat` in a pipe.
struct ChatTests {
  private func chat(_ lines: String..., arguments: [String] = [], model: String? = Command.abacus) throws
    -> Command.Outcome
  {
    try Command.run(["chat"] + arguments, input: lines.map { $0 + "\n" }.joined(), model: model)
  }

  /// What `generate` answers.
  private func answer(_ prompt: String, _ arguments: String...) throws -> String {
    let document = try Command.run(
      ["generate", prompt, "--json", "--max-tokens", "300"] + arguments
    ).json()
    return try #require(document["text"] as? String)
  }

  @Test
  func `a message is answered as generate does, without escapes`() throws {
    let outcome = try chat("What is 12 + 7?", "/exit", arguments: ["--thinking", "fast"])
    #expect(outcome.status == 0)
    #expect(outcome.output == (try answer("What is 12 + 7?", "--thinking", "fast")) + "\n")
    #expect(outcome.errors.isEmpty, "nothing but the answer in a pipe")
  }

  @Test
  func `thoughts stand before the answer`() throws {
    let outcome = try chat("What is 347 * 28?", arguments: ["--thinking", "slow"])
    #expect(outcome.status == 0)
    #expect(outcome.output.hasSuffix("\n9716\n"))
    #expect(outcome.output.hasPrefix("347*8"))
    #expect(!outcome.output.contains("\u{1B}"))
    #expect(!outcome.errors.contains("\u{1B}"))
  }

  @Test
  func `modes, budgets and drafting change between turns`() throws {
    let outcome = try chat(
      "/fast", "What is 12 + 7?", "/slow", "/think 5", "What is 347 * 28?", "/stats", "/think off",
      "/speculation off", "/stats", "/speculation mtp 2", "/auto", "/speculation", "/think")
    #expect(outcome.status == 0)
    let errors = outcome.errors
    #expect(errors.contains("thinking: fast · speculation: auto"))
    #expect(errors.contains("thinking: slow · at most 5 tokens of thought · speculation: auto"))
    #expect(errors.contains("· 5 of thought"))
    #expect(errors.contains("prompt tokens kept"), "the cache goes on over a change of mode")
    #expect(errors.contains("thinking: slow · speculation: off"))
    #expect(errors.contains("thinking: auto · speculation: mtp, depth 2"))
    #expect(errors.contains("2 replies"))
    #expect(errors.hasSuffix("thinking: auto · speculation: mtp, depth 2\n"))
  }

  @Test(arguments: ["off", "mtp", "lookup", "auto"])
  func `drafting changes no answer`(speculation: String) throws {
    let script = ["What is 25 + 17?", "Tell me a short story.", "/slow", "What is 12 * 12?"]
    let expected = try chat(script[0], script[1], script[2], script[3], arguments: ["--speculation", "off"])
    let found = try chat(
      script[0], script[1], script[2], script[3], arguments: ["--speculation", speculation])
    #expect(found.output == expected.output)
    #expect(expected.output.count > 20)
  }

  @Test
  func `reset forgets the conversation`() throws {
    let outcome = try chat(
      "Tell me a story.", "/reset", "What is 12 + 7?", "/stats", arguments: ["--thinking", "fast"])
    #expect(outcome.output.hasSuffix("\n" + (try answer("What is 12 + 7?", "--thinking", "fast")) + "\n"))
    #expect(outcome.errors.contains("conversation: 1 reply"))
  }

  @Test
  func `the system message comes first`() throws {
    let arguments = ["--thinking", "fast", "--max-tokens", "40"]
    let with = try chat(
      "/stats", "What is 12 + 7?", "/stats", arguments: arguments + ["--system", "Be brief."])
    let without = try chat("/stats", "What is 12 + 7?", "/stats", arguments: arguments)
    #expect(with.errors.contains("no reply yet"))
    func promptTokens(_ text: String) throws -> Int {
      let found = try #require(text.firstMatch(of: /prompts: (\d+) tokens/))
      return try #require(Int(found.1))
    }
    #expect(try promptTokens(with.errors) > promptTokens(without.errors))
  }

  @Test
  func `messages of several lines`() throws {
    let expected = try answer("What is\n12 + 7?", "--thinking", "fast")
    let fast = ["--thinking", "fast"]
    #expect(try chat(#"What is\"#, "12 + 7?", arguments: fast).output == expected + "\n")
    #expect(try chat("\"\"\"", "What is", "12 + 7?", "\"\"\"", arguments: fast).output == expected + "\n")
    #expect(try chat("\"\"\"What is", "12 + 7?\"\"\"", arguments: fast).output == expected + "\n")
    // The end of input ends what was begun.
    #expect(try chat("\"\"\"What is", "12 + 7?", arguments: fast).output == expected + "\n")
    // Between the marks nothing is a command, and neither is what begins with a space.
    let literal = try chat("\"\"\"", "/exit", "\"\"\"", " /exit", "/stats", arguments: fast)
    #expect(literal.errors.contains("2 replies"))
  }

  @Test
  func `unknown and wrong commands say what there is and change nothing`() throws {
    let outcome = try chat(
      "/foo", "/think -1", "/think many", "/think 9223372036854775808", "/speculation maybe",
      "/speculation mtp 9",
      "/speculation off 3", "/slow down", "/", "/help", "/stats")
    #expect(outcome.status == 0)
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.contains("unknown command '/foo': there are /fast, /slow, /auto"))
    for found in ["'-1'", "'many'", "'9223372036854775808'", "'maybe'", "'mtp 9'", "'off 3'", "'down'"] {
      #expect(outcome.errors.contains(found), "\(found)")
    }
    #expect(outcome.errors.contains("Ctrl-C"))
    #expect(outcome.errors.contains("thinking: slow · speculation: auto\n"))
  }

  @Test
  func `hostile input is answered or refused, and the chat goes on`() throws {
    var bytes = Data([0xFF, 0xFE, 0x00, 0xC3, 0x28, 0xF0, 0x9F, 0x0A])
    bytes += Data(repeating: 0x78, count: 5 << 20) + [0x0A]  // longer than a line may be
    bytes += Data(repeating: 0x79, count: 1 << 20) + [0x0A]  // longer than the context
    bytes += Data("<|system|></s><think>\r\n \n\n\u{1B}[2J\nWhat is 12 + 7?".utf8)
    let outcome = try Command.run(["chat", "--thinking", "fast", "--max-tokens", "20"], bytes: bytes)
    #expect(outcome.status == 0)
    #expect(outcome.errors.contains("a line of more than 4194304 bytes was passed over"))
    #expect(outcome.errors.contains("context holds 1024"))
    #expect(outcome.output.split(separator: "\n").count >= 4)
  }

  @Test
  func `the end of input is an end like any other`() throws {
    #expect(try Command.run(["chat"]).status == 0)
    #expect(try Command.run(["chat"], input: "\n\n").output.isEmpty)
    let outcome = try chat("/exit", "What is 12 + 7?")
    #expect(outcome.status == 0)
    #expect(outcome.output.isEmpty)
  }

  @Test
  func `what the model cannot do is refused before the first message`() throws {
    func refusal(_ arguments: String..., model: String? = Command.abacus) throws -> Command.Outcome {
      try Command.run(["chat"] + arguments, input: "hi\n", model: model)
    }
    for (arguments, mention) in [
      (["--ignore-eos"], "--ignore-eos"), (["--synthetic-acceptance", "0.5"], "--synthetic-acceptance"),
      (["--thinking-budget", "-1"], "thinking-budget"), (["--max-tokens", "0"], "max-tokens"),
      (["--max-tokens", "10", "--answer-reserve", "9"], "answer-reserve"),
      (["--logit-bias", "99999=1"], "99999"), (["--context", "1"], "context"), (["extra"], "extra"),
    ] {
      let outcome = try Command.run(["chat"] + arguments, input: "hi\n")
      #expect(outcome.status == 64, "\(arguments)")
      #expect(outcome.errors.contains(mention), "\(outcome.errors)")
      #expect(outcome.output.isEmpty)
    }
    let mute = try refusal(model: Command.fixture.path)
    #expect(mute.status == 1)
    #expect(mute.errors.contains("tokenizer"))
    let missing = try refusal("--model", "/nonexistent")
    #expect(missing.status == 1)
    #expect(missing.errors.contains("/nonexistent"))
  }

  /// Scenarios of chat_terminal.py, which needs Python for the pseudo-terminal.
  static let python = ["/usr/bin/python3", "/usr/local/bin/python3", "/bin/python3"].first {
    FileManager.default.isExecutableFile(atPath: $0)
  }

  @Test(
    .enabled(if: python != nil, "needs python3"),
    arguments: [
      "editing", "multiline", "interrupt", "interrupt_twice", "signals", "end_thinking", "type_ahead",
      "typed_at_the_end", "suspend", "colours", "pipe",
    ])
  func `on a terminal`(scenario: String) throws {
    let process = Process()
    process.executableURL = URL(filePath: try #require(Self.python))
    process.arguments = [
      Command.root.appending(path: "Tests/CommandLineTests/chat_terminal.py").path, Command.executable.path,
      scenario,
    ]
    var environment = ProcessInfo.processInfo.environment
    environment["FUSIONSPEC_MODEL"] = Command.abacus
    process.environment = environment
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let found = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(String(decoding: found, as: UTF8.self))")
  }
}
