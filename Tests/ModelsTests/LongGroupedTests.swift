import Decoding
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

  @Test(arguments: cases)
  func `threads that share the positions of long sequences change no token`(_ which: Case) throws {
    let kernels = try #require(KernelSet.named(which.set))
    var changes: [String: Any] = [
      "num_attention_heads": 6, "num_key_value_heads": which.keyValueHeads,
    ]
    if let window = which.window { changes["sliding_window"] = window }
    let model = try randomModel(
      fixture: which.fixture, changes: changes, format: which.format, context: 1400, seed: 5)
    func prompt(_ count: Int) -> [Int32] {
      (0..<count).map { place in Int32(2 + (13 * place + count) % 85) }
    }
    let prompts = [40, 508, 1030].map(prompt)
    func run(_ speculation: Speculation, batch: Int, threads: Int) throws -> [[Int32]] {
      try sampledReplies(
        model, prompts, count: 20, seed: 4, speculation, batch: batch, threads: threads, chunk: 300,
        kernels: kernels, context: 1400)
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
