import Checkpoints
import Decoding
import Foundation
import Models
import Tensors
import Testing

/// Models with several MTP heads: what opens, what each head is given, what never changes.
struct SeveralHeadsTests {
  static let fixtures = OracleFixture.all.filter { ((try? headCount($0)) ?? 0) > 1 }

  private static func headCount(_ fixture: OracleFixture) throws -> Int {
    let file = fixture.directory.appending(path: "config.json")
    return try ArchitectureRegistry.architecture(for: try ConfigurationObject(file: file)).description
      .mtpHeadCount
  }

  @Test func `there are fixtures with two and with three heads, of both ways to name them`() throws {
    let counts = try Self.fixtures.map(Self.headCount)
    #expect(counts.contains(2) && counts.contains(3))
    #expect(Set(Self.fixtures.map(\.family)).isSuperset(of: ["deepseek-v3", "glm4-moe", "mimo"]))
  }

  struct Combination: Sendable, CustomTestStringConvertible {
    var fixture: OracleFixture
    var format: WeightFormat
    var sampling: SamplingOptions
    var testDescription: String {
      "\(fixture.testDescription), \(format.rawValue), temperature \(sampling.temperature)"
    }
  }

  static let combinations = fixtures.flatMap { fixture in
    [WeightFormat.bf16, .int8].flatMap { format in
      [SamplingOptions(), SamplingOptions(temperature: 0.8, topK: 20, repetitionPenalty: 1.1, seed: 5)].map {
        Combination(fixture: fixture, format: format, sampling: $0)
      }
    }
  }

  @Test(arguments: combinations)
  func `speculation, batch, chunks and used slots change no token`(_ combination: Combination) throws {
    let record = try combination.fixture.record()
    let model = try combination.fixture.model(combination.format)
    // Prompts of one token and of many; more prompts than slots, so that slots are used again.
    let prompts =
      [[record.prompt_token_ids[0]], Array(record.prompt_token_ids.prefix(3))]
      + (0..<5).map { Array(record.prompt_token_ids.dropFirst(2 * $0)) }
    func run(_ speculation: Speculation, batch: Int, chunk: Int, threads: Int = 1) throws -> [[Int32]] {
      let engine = DecodingEngine(
        model: model,
        configuration: EngineConfiguration(
          slotCount: batch, context: 96, threadCount: threads, promptRowsPerStep: chunk))
      for prompt in prompts {
        _ = try engine.submit(
          GenerationRequest(
            promptTokens: prompt, maximumTokens: 44, sampling: combination.sampling, speculation: speculation)
        )
      }
      return engine.run().map(\.tokens)
    }
    let expected = try run(.off, batch: 1, chunk: 32)
    for speculation in (1...5).map({ Speculation.mtp(depth: $0) }) + [.lookup(depth: 4), .automatic] {
      #expect(try run(speculation, batch: 1, chunk: 32, threads: 2) == expected, "\(speculation), alone")
      #expect(try run(speculation, batch: 4, chunk: 7) == expected, "\(speculation), four at once")
      #expect(try run(speculation, batch: 4, chunk: 1) == expected, "\(speculation), chunks of one")
    }
  }

  /// The caches hold what teacher forcing gives: a text's drafts do not depend on how the text came about.
  @Test(arguments: fixtures)
  func `drafts after a generated text are those after the same text as a prompt`(_ fixture: OracleFixture)
    throws
  {
    let record = try fixture.record()
    let model = try fixture.model()
    let depth = model.mtpHeadCount + 1
    for speculation in [Speculation.mtp(depth: depth), .mtp(depth: model.mtpHeadCount)] {
      let engine = DecodingEngine(
        model: model, configuration: EngineConfiguration(context: 128, threadCount: 1))
      let identifier = try engine.submit(
        GenerationRequest(
          promptTokens: record.prompt_token_ids, maximumTokens: record.greedy_token_ids.count + 8,
          speculation: speculation))
      var generated: [Int32] = []
      var compared = 0
      while generated.count < record.greedy_token_ids.count - depth {
        _ = engine.step { _, token, _ in
          generated.append(token)
          return true
        }
        let found = engine.pendingDrafts(identifier)
        let chain = record.draft_chains?[generated.count - 1] ?? []
        let length = min(chain.count, found.count)
        #expect(Array(found.prefix(length)) == Array(chain.prefix(length)), "after \(generated.count) tokens")
        compared += length
      }
      #expect(compared > 40)
    }
  }

  /// Rows of hidden state that wait while nothing is drafted are worked off when their ring is full, which is short where
  /// there are many slots, or when drafting begins.
  @Test(arguments: fixtures, [1, 16])
  func `drafts after a text written without any are those after the same text as a prompt`(
    _ fixture: OracleFixture, slotCount: Int
  ) throws {
    let record = try fixture.record()
    let model = try fixture.model()
    func engine() -> DecodingEngine {
      DecodingEngine(
        model: model, configuration: EngineConfiguration(slotCount: slotCount, context: 128, threadCount: 1))
    }
    func drafts(_ engine: DecodingEngine, _ request: GenerationRequest) throws -> [Int32] {
      let identifier = try engine.submit(request)
      _ = engine.step()
      return engine.pendingDrafts(identifier)
    }
    for count in [40, 70, 80] {
      let kept = engine()
      var request = GenerationRequest(
        promptTokens: record.prompt_token_ids, maximumTokens: count, speculation: .off)
      request.conversation = ConversationHandle()
      _ = try kept.submit(request)
      request.promptTokens += try #require(kept.run().first?.tokens)
      request.maximumTokens = 12
      request.speculation = .mtp(depth: model.mtpHeadCount + 2)
      let found = try drafts(kept, request)
      #expect(found.count == model.mtpHeadCount + 2)
      #expect(try drafts(engine(), request) == found, "after \(count) tokens")
    }
  }

  @Test(arguments: fixtures)
  func `a reply that begins anew is the same with every drafter`(_ fixture: OracleFixture) throws {
    let record = try fixture.record()
    let model = try fixture.model(.bf16)
    let prompt = record.prompt_token_ids
    // The prompts share all, nearly all, some and none of their tokens.
    let others = [prompt + [7, 9], Array(prompt.dropLast()) + [5], Array(prompt.prefix(9)), [4, 3, 2]]
    for other in others {
      func run(_ speculation: Speculation, chunk: Int) throws -> [[Int32]] {
        let engine = DecodingEngine(
          model: model,
          configuration: EngineConfiguration(
            slotCount: 2, context: 96, threadCount: 1, promptRowsPerStep: chunk))
        for watched in [1, 4, 12] {
          var request = GenerationRequest(promptTokens: prompt, maximumTokens: 30, speculation: speculation)
          request.escalation = Escalation(
            promptTokens: other, thinking: nil, threshold: 0.9999, watchedTokens: watched)
          _ = try engine.submit(request)
        }
        return engine.run().map(\.tokens)
      }
      let expected = try run(.off, chunk: 64)
      for speculation in [Speculation.mtp(depth: 1), .mtp(depth: 2), .mtp(depth: 4), .automatic] {
        for chunk in [5, 64] {
          #expect(try run(speculation, chunk: chunk) == expected, "\(speculation), chunks of \(chunk)")
        }
      }
    }
  }

  @Test func `a tensor that one of the heads lacks is named`() throws {
    let fixture = OracleFixture(directory: OracleFixture.root.appending(path: "deepseek-v3/three-heads-bf16"))
    for missing in [
      "model.layers.3.eh_proj.weight", "model.layers.4.shared_head.norm.weight",
      "model.layers.2.hnorm.weight",
      "model.layers.4.mlp.experts.7.up_proj.weight",
    ] {
      let error = try #require(throws: LoadError.self) {
        try open(fixture, without: { $0 == missing }, changes: [:])
      }
      #expect(error.description.contains(missing), "\(error)")
    }
    let error = try #require(throws: LoadError.self) {
      try open(fixture, without: { $0.hasPrefix("model.layers.3.") }, changes: [:])
    }
    #expect(error.description.contains("model.layers.3."), "\(error)")
    #expect(!error.description.contains("model.layers.4."), "\(error)")
  }

  @Test func `heads are counted by the configuration, else by the checkpoint`() throws {
    let fixture = OracleFixture(directory: OracleFixture.root.appending(path: "deepseek-v3/three-heads-bf16"))
    let key = "num_nextn_predict_layers"
    #expect(try open(fixture, without: { _ in false }, changes: [key: nil]).mtpHeadCount == 3)
    #expect(try open(fixture, without: { _ in false }, changes: [key: 2]).mtpHeadCount == 2)
    #expect(try open(fixture, without: { _ in false }, changes: [key: 0]).mtpHeadCount == 0)
    func isHead(_ name: String) -> Bool { (2...4).contains { name.hasPrefix("model.layers.\($0).") } }
    #expect(try open(fixture, without: isHead, changes: [:]).mtpHeadCount == 0)
    let error = try #require(throws: LoadError.self) {
      try open(fixture, without: { _ in false }, changes: [key: 4])
    }
    #expect(error.description.contains("model.layers.5."), "\(error)")
    #expect(!error.description.contains("model.layers.4."), "\(error)")
  }

  /// Opens a copy of a fixture without some tensors and with another configuration.
  private func open(
    _ fixture: OracleFixture, without isLeftOut: (String) -> Bool, changes: [String: Int?]
  ) throws -> DecoderModel {
    let folder = FileManager.default.temporaryDirectory.appending(path: "heads-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let data = try Data(contentsOf: fixture.directory.appending(path: "config.json"))
    var members = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    for (key, value) in changes { members[key] = value }
    try JSONSerialization.data(withJSONObject: members).write(to: folder.appending(path: "config.json"))
    let weights = try Data(contentsOf: fixture.directory.appending(path: "model.safetensors"))
    try withoutTensors(weights, isLeftOut).write(to: folder.appending(path: "model.safetensors"))
    return try ArchitectureRegistry.load(
      Checkpoint(directory: folder), options: LoadOptions(format: .f32, contextLength: 64)
    ).model
  }

  /// A safetensors file with some tensors taken out of it.
  private func withoutTensors(_ file: Data, _ isLeftOut: (String) -> Bool) throws -> Data {
    let length = file.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
    let header = try JSONSerialization.jsonObject(with: file[8..<8 + length]) as? [String: Any] ?? [:]
    var kept: [String: Any] = [:]
    var body = Data()
    for (name, entry) in header.sorted(by: { $0.key < $1.key })
    where name != "__metadata__" && !isLeftOut(name) {
      guard var entry = entry as? [String: Any], let range = entry["data_offsets"] as? [Int] else { continue }
      let bytes = file[8 + length + range[0]..<8 + length + range[1]]
      entry["data_offsets"] = [body.count, body.count + bytes.count]
      body += bytes
      kept[name] = entry
    }
    let text = try JSONSerialization.data(withJSONObject: kept)
    var size = Data()
    for place in 0..<8 { size.append(UInt8(truncatingIfNeeded: text.count >> (8 * place))) }
    return size + text + body
  }
}
