import Foundation
import Testing

/// Files that ask for impossible sizes and counts: an error of one or two lines or a result, never a trap.
struct HostileFilesTests {
  /// A folder of its own, gone afterwards.
  private func withFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "hostile-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
  }

  @Test(arguments: [
    #""model_type":"mixtral","num_attention_heads":4,"num_experts_per_tok":2,"max_position_embeddings":64,"hidden_size":16777216,"intermediate_size":16777216,"num_local_experts":65536,"num_hidden_layers":1"#,
    #""model_type":"llama","intermediate_size":64,"hidden_size":16777216,"num_attention_heads":4096,"num_key_value_heads":4096,"head_dim":16777216,"num_hidden_layers":1,"max_position_embeddings":64"#,
    #""model_type":"llama","intermediate_size":64,"hidden_size":1,"num_attention_heads":4096,"num_key_value_heads":4096,"head_dim":16777216,"num_hidden_layers":4096,"max_position_embeddings":1073741824"#,
  ])
  func `sizes that multiply beyond integers are refused`(configuration: String) throws {
    let outcome = try withFolder { folder in
      try Data("{\"vocab_size\":32,\(configuration)}".utf8).write(to: folder.appending(path: "config.json"))
      return try Command.run(["inspect"], model: folder.path)
    }
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("multiply"), "\(outcome.errors)")
  }

  @Test(arguments: [
    ("{{ 'x'|truncate(9223372036854775807) }}", Int32(0)),
    ("{{ 'x'|truncate(10,False,'',9223372036854775807) }}", 0),
    ("{{ 'x'|truncate(-9223372036854775807 - 1) }}", 1), ("{{ 'a'.ljust(-9223372036854775807 - 1) }}", 0),
    ("{{ 'a'.center(-9223372036854775807 - 1) }}", 0),
  ])
  func `extreme numbers in a template are no trap`(template: String, status: Int32) throws {
    let outcome = try withFolder { folder in
      for name in try FileManager.default.contentsOfDirectory(atPath: Command.abacus)
      where name != "chat_template.jinja" {
        try FileManager.default.createSymbolicLink(
          atPath: folder.appending(path: name).path, withDestinationPath: Command.abacus + "/" + name)
      }
      try Data(template.utf8).write(to: folder.appending(path: "chat_template.jinja"))
      return try Command.run(["tokenize", "--chat", "hi"], model: folder.path)
    }
    #expect(outcome.status == status, "\(outcome.errors)")
  }

  /// Each mark is put in front of every piece, and cuts the pieces of the one before.
  private static let alternatingMarks: String = {
    let parts = (0..<40).map { #"{"type":"Metaspace","replacement":""# + ($0 % 2 == 0 ? "a" : "b") + #""}"# }
    return #"{"type":"Sequence","pretokenizers":["# + parts.joined(separator: ",") + "]}"
  }()

  private static func sequence(_ key: String, count: Int) -> String {
    let part = #"{"type":"Replace","pattern":{"String":"a"},"content":"aaaaaaaaaa"}"#
    let parts = [String](repeating: part, count: count).joined(separator: ",")
    return #"{"type":"Sequence",""# + key + #"":["# + parts + "]}"
  }

  @Test func `what a tokenizer says is shown in one line`() throws {
    let outcome = try withFolder { folder in
      let kind = String(repeating: "x\\u001b[31m", count: 1000)
      let text =
        #"{"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"pre_tokenizer":{"type":""# + kind + #""}}"#
      try Data(text.utf8).write(to: folder.appending(path: "tokenizer.json"))
      return try Command.run(["tokenize", "hello"], model: folder.path)
    }
    #expect(outcome.status == 1)
    #expect(outcome.errors.utf8.count < 2000 && !outcome.errors.contains("\u{1B}"), "\(outcome.errors)")
  }

  @Test func `more experts than any model has are refused before they are counted`() throws {
    let outcome = try withFolder { folder in
      let text =
        #"{"model_type":"mixtral","vocab_size":32,"hidden_size":2,"intermediate_size":1,"num_attention_heads":1,"#
        + #""num_experts_per_tok":1,"max_position_embeddings":64,"num_local_experts":65536,"num_hidden_layers":4096}"#
      try Data(text.utf8).write(to: folder.appending(path: "config.json"))
      return try Command.run(["inspect"], model: folder.path)
    }
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("experts"), "\(outcome.errors)")
  }

  @Test(arguments: [
    ("pre_tokenizer", #"{"type":"Split","behavior":"Isolated","pattern":{"Regex":"(ab){-1}"}}"#),
    ("pre_tokenizer", #"{"type":"Metaspace","replacement":""}"#),
    ("decoder", #"{"type":"Metaspace","replacement":""}"#),
    ("pre_tokenizer", #"{"type":"Metaspace","replacement":"a long mark"}"#),
    ("pre_tokenizer", alternatingMarks), ("normalizer", sequence("normalizers", count: 12)),
    ("decoder", sequence("decoders", count: 12)),
    ("normalizer", sequence("normalizers", count: 65)),
  ])
  func `impossible parts of a tokenizer are refused`(role: String, part: String) throws {
    let source = Command.root.appending(path: "Tests/TokenizationTests/Fixtures/bpe-qwen.json")
    var file = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: source)) as? [String: Any])
    file[role] = try JSONSerialization.jsonObject(with: Data(part.utf8))
    let outcome = try withFolder { folder in
      try JSONSerialization.data(withJSONObject: file).write(to: folder.appending(path: "tokenizer.json"))
      return try Command.run(["tokenize", "hello"], model: folder.path)
    }
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains(role), "\(outcome.errors)")
  }
}
