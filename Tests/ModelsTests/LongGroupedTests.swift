import Checkpoints
import Decoding
import Foundation
import Models
import Tensors
import Testing

/// Grouped-query attention over sequences of several spans, whose positions the workers share where the key-value heads do not
/// divide evenly among them: the same ids however that is done.
struct LongGroupedTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let fixture: String
    let keyValueHeads: Int
    let window: Int?
    let format: WeightFormat
    let set: String
    var testDescription: String { "\(fixture), \(keyValueHeads) heads, \(format), \(set)" }
  }

  static let cases = [
    ("glm4-moe/two-heads-f32", 3, nil, WeightFormat.f32), ("glm4-moe/norms-groups-bf16", 1, nil, .bf16),
    ("mixtral/window-bf16", 3, 530, .int8),
  ].flatMap { fixture, heads, window, format in
    ["avx2", "neon", "auto"].filter { KernelSet.named($0) != nil }.map {
      Case(fixture: fixture, keyValueHeads: heads, window: window, format: format, set: $0)
    }
  }

  private func model(_ which: Case) throws -> DecoderModel {
    let file = OracleFixture.root.appending(path: which.fixture + "/config.json")
    var members = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    members["max_position_embeddings"] = 1400
    members["num_attention_heads"] = 6
    members["num_key_value_heads"] = which.keyValueHeads
    if let window = which.window { members["sliding_window"] = window }
    let changed = try JSONSerialization.data(withJSONObject: members)
    return try ArchitectureRegistry.randomModel(
      try ConfigurationObject(json: changed, file: "config.json"),
      options: LoadOptions(format: which.format, contextLength: 1400), seed: 5)
  }

  @Test(arguments: cases)
  func `threads that share the positions of long sequences change no token`(_ which: Case) throws {
    let kernels = try #require(KernelSet.named(which.set))
    let model = try model(which)
    func prompt(_ count: Int) -> [Int32] {
      (0..<count).map { place in Int32(2 + (13 * place + count) % 85) }
    }
    let prompts = [40, 508, 1030].map(prompt)
    func run(_ speculation: Speculation, batch: Int, threads: Int) throws -> [[Int32]] {
      let engine = DecodingEngine(
        model: model,
        configuration: EngineConfiguration(
          slotCount: batch, context: 1400, threadCount: threads, kernels: kernels, promptRowsPerStep: 300))
      for prompt in prompts {
        _ = try engine.submit(
          GenerationRequest(
            promptTokens: prompt, maximumTokens: 20, sampling: SamplingOptions(temperature: 0.7, seed: 4),
            speculation: speculation))
      }
      return engine.run().map(\.tokens)
    }
    let alone = try run(.off, batch: 1, threads: 1)
    let drafting: Speculation = which.fixture.hasPrefix("glm4") ? .mtp(depth: 3) : .lookup(depth: 4)
    #expect(try run(.off, batch: 1, threads: 2) == alone)
    #expect(try run(.off, batch: 3, threads: 5) == alone)
    #expect(try run(drafting, batch: 1, threads: 2) == alone)
    #expect(try run(drafting, batch: 3, threads: 4) == alone)
    // More workers than spans times heads: groups of heads are divided as well.
    #expect(try run(drafting, batch: 1, threads: 13) == alone)
  }
}
