import Foundation
import Testing

/// `fusionspec acceptance` on the sample model, as a user runs it.
struct AcceptanceCommandTests {
  private func withPrompts<Value>(_ lines: [String], _ body: (String) throws -> Value) throws -> Value {
    let file = FileManager.default.temporaryDirectory.appending(path: "prompts-\(UUID().uuidString).jsonl")
    try lines.joined(separator: "\n").write(to: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: file) }
    return try body(file.path)
  }

  private static let prompts = [
    #"{"id": "sum", "prompt": "What is 12 + 7?", "category": "arithmetic", "answer": "19"}"#,
    #"{"id": "story", "prompt": "Tell me a short story.", "category": "stories"}"#,
    #"{"id": "copy", "prompt": "Copy this: one two three one two three", "category": "copy"}"#,
  ]

  @Test(arguments: [["--batch", "1"], ["--batch", "3"], ["--temperature", "0.8", "--repetitions", "2"]])
  func `all settings give the ids of plain decoding`(_ options: [String]) throws {
    let page = FileManager.default.temporaryDirectory.appending(path: "page-\(UUID().uuidString).html")
    defer { try? FileManager.default.removeItem(at: page) }
    let outcome = try withPrompts(Self.prompts) { file in
      try Command.run(
        [
          "acceptance", "--prompts", file, "--max-tokens", "24", "--depths", "off,2,auto,lookup",
          "--thinking",
          "fast,slow", "--json", "-", "--html", page.path,
        ] + options)
    }
    #expect(outcome.status == 0, "\(outcome.errors)")
    let document = try outcome.json()
    #expect(document["identical"] as? Bool == true)
    #expect(document["prompts"] as? Int == 3)
    let settings = try #require(document["settings"] as? [[String: Any]])
    #expect(
      settings.map { $0["thinking"] as? String } == Array(repeating: "fast", count: 4)
        + Array(repeating: "slow", count: 4))
    #expect(settings.prefix(4).map { $0["speculation"] as? String } == ["off", "mtp", "auto", "lookup"])
    let curve = try #require(document["cost_curve"] as? [[String: Any]])
    // More rows read more of the experts, never fewer.
    let experts = curve.compactMap { $0["distinct_experts_per_layer"] as? Double }
    #expect(experts.count == curve.count && experts == experts.sorted() && experts.first ?? 0 >= 1)
    #expect(curve.first?["rows"] as? Int == 1)
    let probe = try #require(document["draft_head_probe"] as? [String: Any])
    #expect(probe["near_chance"] as? Bool == false)
    let html = try String(contentsOf: page, encoding: .utf8)
    #expect(html.contains("Same token ids"))
    #expect(!html.contains("<script"))
  }

  @Test(arguments: ["1", "3"])
  func `budgets and the runtime's choice are reported`(batch: String) throws {
    let page = FileManager.default.temporaryDirectory.appending(path: "page-\(UUID().uuidString).html")
    defer { try? FileManager.default.removeItem(at: page) }
    let outcome = try withPrompts(Self.prompts) { file in
      try Command.run([
        "acceptance", "--prompts", file, "--max-tokens", "60", "--depths", "auto", "--thinking",
        "fast,slow,auto",
        "--auto-thinking", "runtime", "--auto-threshold", "0.99", "--thinking-budgets", "16,0,4", "--batch",
        batch,
        "--json", "-", "--html", page.path,
      ])
    }
    #expect(outcome.status == 0, "\(outcome.errors)")
    let document = try outcome.json()
    #expect(document["identical"] as? Bool == true)
    let budgets = try #require(document["budgets"] as? [[String: Any]])
    #expect(budgets.map { $0["budget"] as? Int } == [0, 4, 16])
    for budget in budgets {
      #expect(budget["accuracy"] is Double)
      let thoughts = try #require(budget["mean_thinking_tokens"] as? Double)
      #expect(thoughts <= Double(budget["budget"] as? Int ?? 0))
      #expect(budget["mean_tokens"] as? Double ?? 0 > thoughts)
    }
    let settings = try #require(document["settings"] as? [[String: Any]])
    #expect(settings.last?["escalated"] as? Double ?? 0 > 0)
    #expect(document["auto_thinking"] as? String == "runtime")
    #expect(document["auto_threshold"] as? Double == 0.99)
    #expect(outcome.errors.contains("budget"))
    let html = try String(contentsOf: page, encoding: .utf8)
    #expect(html.contains("accuracy against budget"))
    let refused = try withPrompts(Self.prompts) { file in
      try Command.run(["acceptance", "--prompts", file, "--max-tokens", "20", "--thinking-budgets", "18"])
    }
    #expect(refused.status == 64)
    #expect(refused.errors.contains("thinking-budget"))
  }

  @Test
  func `prompts that do not fit are left out, cut or refused as asked`() throws {
    let long = String(repeating: "a long story about a cat ", count: 60)
    let lines = [Self.prompts[0], #"{"id": "long", "prompt": "\#(long)"}"#]
    try withPrompts(lines) { file in
      let base = [
        "acceptance", "--prompts", file, "--context", "64", "--max-tokens", "8", "--depths", "1", "--json",
        "-",
      ]
      let skipped = try Command.run(base)
      #expect(skipped.status == 0, "\(skipped.errors)")
      #expect(try skipped.json()["skipped_prompts"] as? [String] == ["long"])
      #expect(skipped.errors.contains("left out: long"))
      let cut = try Command.run(base + ["--long-prompts", "truncate"])
      #expect(try cut.json()["prompts"] as? Int == 2)
      #expect(try cut.json()["truncated_prompts"] as? [String] == ["long"])
      let refused = try Command.run(base + ["--long-prompts", "fail"])
      #expect(refused.status == 64)
      #expect(refused.errors.contains("64"))
    }
  }

  @Test
  func `forced acceptance is loud`() throws {
    let outcome = try withPrompts(Self.prompts) { file in
      try Command.run([
        "acceptance", "--prompts", file, "--max-tokens", "16", "--depths", "2", "--ignore-eos",
        "--synthetic-acceptance", "1,0.5", "--json", "-",
      ])
    }
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("garbage"))
    let document = try outcome.json()
    #expect(document["synthetic"] as? Bool == true)
    #expect(document["identical"] is NSNull)
    let rates = (document["settings"] as? [[String: Any]])?.first?["acceptance_per_position"] as? [Double]
    #expect(rates?.first == 1)
  }
}
