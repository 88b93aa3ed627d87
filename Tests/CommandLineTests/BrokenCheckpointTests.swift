import Foundation
import Testing

/// Checkpoints that cannot be loaded: exit status 1, one or two lines that name file, key or tensor, never a trap.
struct BrokenCheckpointTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let mentions: [String]
    let change: @Sendable (URL) throws -> Void

    init(_ name: String, mentions: String..., change: @escaping @Sendable (URL) throws -> Void) {
      testDescription = name
      self.mentions = mentions
      self.change = change
    }

    static func configuration(
      _ name: String, _ key: String, _ value: (any Sendable)?, mentions: String...
    ) -> Case {
      var made = Case(name) { try Command.edit($0, [key: value]) }
      made = Case(name, mentions: mentions + [key], change: made.change)
      return made
    }

    private init(_ name: String, mentions: [String], change: @escaping @Sendable (URL) throws -> Void) {
      testDescription = name
      self.mentions = mentions
      self.change = change
    }
  }

  private static func weights(_ folder: URL, _ change: (inout Data) -> Void) throws {
    let url = folder.appending(path: "model.safetensors")
    var data = try Data(contentsOf: url)
    change(&data)
    try data.write(to: url)
  }

  static let cases: [Case] = [
    .configuration("missing key", "hidden_size", nil, mentions: "config.json"),
    .configuration("wrong type", "hidden_size", "wide", mentions: "config.json"),
    .configuration("fraction", "num_hidden_layers", 2.5),
    .configuration("negative", "num_attention_heads", -3),
    .configuration("huge", "kv_lora_rank", 1 << 60),
    .configuration("unknown model type", "model_type", "perceptron", mentions: "deepseek_v3"),
    .configuration("unsupported activation", "hidden_act", "gelu", mentions: "silu"),
    .configuration("more experts a token than there are", "num_experts_per_tok", 64),
    .configuration("groups that do not divide", "n_group", 4),
    Case("layers that the tensors do not have", mentions: "model.layers.3") {
      try Command.edit($0, ["num_hidden_layers": 5])
    },
    Case("extra tensors", mentions: "model.layers.1.") { try Command.edit($0, ["num_hidden_layers": 1]) },
    Case("another width", mentions: "48", "model.embed_tokens.weight") {
      try Command.edit($0, ["hidden_size": 64])
    },
    Case("another vocabulary", mentions: "120", "model.embed_tokens.weight") {
      try Command.edit($0, ["vocab_size": 121])
    },
    Case("config.json is no JSON", mentions: "config.json") {
      try Data("{".utf8).write(to: $0.appending(path: "config.json"))
    },
    Case("config.json is missing", mentions: "config.json") {
      try FileManager.default.removeItem(at: $0.appending(path: "config.json"))
    },
    Case("weights are missing", mentions: "safetensors") {
      try FileManager.default.removeItem(at: $0.appending(path: "model.safetensors"))
    },
    Case("empty weights", mentions: "model.safetensors") { try weights($0) { $0 = Data() } },
    Case("truncated header", mentions: "model.safetensors") { try weights($0) { $0 = $0.prefix(40) } },
    Case("truncated data", mentions: "model.safetensors") { try weights($0) { $0 = $0.dropLast(4) } },
    Case("header length beyond the file", mentions: "model.safetensors") {
      try weights($0) { $0.replaceSubrange(0..<8, with: [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]) }
    },
    Case("unknown dtype", mentions: "Q99") { try weights($0) { replace(&$0, "F32", "Q99") } },
    Case("lying shape", mentions: "model.safetensors") {
      try weights($0) { replace(&$0, "[120,48]", "[121,48]") }
    },
  ]

  private static func replace(_ data: inout Data, _ old: String, _ new: String) {
    if let range = data.range(of: Data(old.utf8)) { data.replaceSubrange(range, with: Data(new.utf8)) }
  }

  @Test(arguments: cases)
  func `a broken checkpoint is status 1 and names the place`(_ broken: Case) throws {
    let folder = try Command.brokenModel(broken.change)
    defer { try? FileManager.default.removeItem(at: folder) }
    let outcome = try Command.run(
      ["generate", "--token-ids", "1,2", "--max-tokens", "2"], model: folder.path)
    #expect(outcome.status == 1, "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.hasPrefix("error: "))
    for mention in broken.mentions { #expect(outcome.errors.contains(mention), "\(outcome.errors)") }
    #expect(outcome.errors.split(separator: "\n").count <= 2, "\(outcome.errors)")
  }

  @Test
  func `the fixture itself loads`() throws {
    let folder = try Command.brokenModel { _ in }
    defer { try? FileManager.default.removeItem(at: folder) }
    let outcome = try Command.run(
      ["generate", "--token-ids", "1,2", "--max-tokens", "2"], model: folder.path)
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  @Test
  func `a tokenizer larger than the vocabulary is refused`() throws {
    let folder = try Command.brokenModel {
      try FileManager.default.copyItem(
        at: URL(filePath: Command.abacus).appending(path: "tokenizer.model"),
        to: $0.appending(path: "tokenizer.model"))
    }
    defer { try? FileManager.default.removeItem(at: folder) }
    let outcome = try Command.run(["generate", "--token-ids", "1,2"], model: folder.path)
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("vocab"))
  }

  @Test
  func `a folder that does not exist is named`() throws {
    let outcome = try Command.run(["inspect"], model: "/nonexistent/model")
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("/nonexistent/model"))
  }
}
