import Testing

@testable import Models
@testable import Tensors

/// Whatever parts the workers take of the work, a forward gives the same bits.
struct WeighedWorkersTests {
  static let fixtures = [
    "deepseek-v3/plain-f32", "glm4-moe/two-heads-f32", "mixtral/plain-f32", "pangu-pro-moe/three-groups-f32",
    "qwen2/plain-bf16", "pangu-ultra-moe/sandwich-bf16",
  ]

  /// The logits of a prompt's last rows, then of steps of one and of three rows.
  private func logits(_ model: DecoderModel, _ pool: WorkerPool, length: Int) -> [UInt32] {
    let capacity = length + 8
    let cache = model.makeCache(slotCount: 1, capacity: capacity)
    let workspace = model.makeWorkspace(
      maximumRows: length, maximumOutputRows: 3, workerCount: pool.threadCount)
    var result: [UInt32] = []
    var position = 0
    for count in [length, 1, 3] {
      let rows = StepRows(capacity: count)
      for row in 0..<count {
        rows.append(token: Int32((7 * (position + row)) % 61 + 2), position: position + row, slot: 0)
      }
      position += count
      let outputs = (max(0, count - 3)..<count).map { Int32($0) }
      model.forward(
        rows, outputs: IndexList(outputs), cache: cache, workspace: workspace, pool: pool, kernels: .best)
      for row in 0..<outputs.count {
        for column in 0..<model.outputHead.outputs {
          result.append(workspace.logits[row, column].bitPattern)
        }
      }
    }
    return result
  }

  private func check(_ model: DecoderModel, length: Int) {
    let alone = logits(model, WorkerPool(threadCount: 1), length: length)
    for weights in [[0.5, 0.5], [0.71, 0.29], [0.1, 0.9], [0.2, 0.05, 0.75], [0.3, 0.1, 0.1, 0.4, 0.1]] {
      let pool = WorkerPool(threadCount: weights.count, bindsThreads: false, weights: weights)
      #expect(logits(model, pool, length: length) == alone, "\(weights)")
    }
  }

  @Test(arguments: fixtures, [WeightFormat.bf16, .int8])
  func `parts of any size change no bit`(fixture: String, format: WeightFormat) throws {
    let length = fixture.hasPrefix("deepseek") || fixture.hasPrefix("mixtral") ? 1060 : 70
    let model = try randomModel(
      fixture: fixture, changes: ["sliding_window": nil as Int? as Any], format: format, context: length + 8,
      seed: 9)
    check(model, length: length)
  }

  /// A router of which workers compute shares, with a shared expert meanwhile, as in large models.
  @Test(arguments: ["deepseek-v3/plain-f32", "glm4-moe/two-heads-f32"])
  func `a shared expert beside a large router changes no bit`(fixture: String) throws {
    let model = try randomModel(
      fixture: fixture, changes: ["n_routed_experts": 600], format: .int8, context: 40, seed: 3)
    let mixtures = model.layers.compactMap { layer in
      if case .mixture(let mixture) = layer.feedForward { mixture } else { nil }
    }
    #expect(!mixtures.isEmpty && mixtures.allSatisfy { $0.router.hidesWork && $0.shared != nil })
    check(model, length: 20)
  }

  /// Compressed queries of whole panels, which workers with heads of their own expand alone, if they have any heads.
  @Test(arguments: [20, 1060]) func `workers that expand queries alone change no bit`(length: Int) throws {
    let model = try randomModel(
      fixture: "deepseek-v3/plain-f32",
      changes: [
        "kv_lora_rank": 136, "q_lora_rank": 40, "qk_nope_head_dim": 24, "qk_rope_head_dim": 8,
        "num_attention_heads": 4, "num_key_value_heads": 4,
      ], format: .bf16, context: length + 8, seed: 5)
    let alone = logits(model, WorkerPool(threadCount: 1), length: length)
    for weights in [[0.5, 0.5], [0.9, 0.1], [0.3, 0.3, 0.35, 0.05], [0.25, 0.25, 0.25, 0.25]] {
      let pool = WorkerPool(threadCount: weights.count, bindsThreads: false, weights: weights)
      #expect(logits(model, pool, length: length) == alone, "\(weights)")
    }
  }
}
