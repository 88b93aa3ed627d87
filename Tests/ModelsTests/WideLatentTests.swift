import Decoding
import Models
import Tensors
import Testing

/// Models whose latents are wide enough for tiles: the same ids whatever runs beside them.
struct WideLatentTests {
  /// DeepSeek-V3 with made-up weights, 40 heads and a latent of 136 numbers, neither a multiple of what tiles take.
  private func model(_ format: WeightFormat) throws -> DecoderModel {
    try randomModel(
      fixture: "deepseek-v3/plain-f32",
      changes: ["kv_lora_rank": 136, "num_attention_heads": 40, "num_key_value_heads": 40], format: format,
      context: 1200, seed: 3)
  }

  private func run(
    _ model: DecoderModel, _ prompts: [[Int32]], _ speculation: Speculation, batch: Int, threads: Int,
    chunk: Int, kernels: KernelSet, context: Int = 192
  ) throws -> [[Int32]] {
    try sampledReplies(
      model, prompts, count: 24, seed: 11, speculation, batch: batch, threads: threads, chunk: chunk,
      kernels: kernels, context: context)
  }

  @Test(arguments: WeightFormat.allCases)
  func `speculation, batch, chunks and threads change no token`(_ format: WeightFormat) throws {
    let kernels = KernelSet.best
    let model = try model(format)
    let prompts = (0..<4).map { prompt in (0..<(1 + 34 * prompt)).map { Int32(2 + (7 * $0 + prompt) % 110) } }
    let alone = try prompts.map {
      try run(model, [$0], .off, batch: 1, threads: 1, chunk: 192, kernels: kernels)[0]
    }
    for speculation in [Speculation.off, .mtp(depth: 1), .mtp(depth: 4), .lookup(depth: 5), .automatic] {
      #expect(
        try run(model, prompts, speculation, batch: 4, threads: 2, chunk: 37, kernels: kernels) == alone,
        "\(speculation), four at once")
      #expect(
        try run(model, prompts, speculation, batch: 1, threads: 3, chunk: 5, kernels: kernels) == alone,
        "\(speculation), one after the other")
    }
  }

  @Test
  func `threads that share the positions of long sequences change no token`() throws {
    let model = try model(.bf16)
    func prompt(_ count: Int) -> [Int32] {
      (0..<count).map { place in Int32(2 + (11 * place + count) % 110) }
    }
    let prompts = [30, 511, 700, 1100].map(prompt)
    func run(_ speculation: Speculation, batch: Int, threads: Int) throws -> [[Int32]] {
      try self.run(
        model, prompts, speculation, batch: batch, threads: threads, chunk: 300, kernels: .best, context: 1200
      )
    }
    let alone = try run(.off, batch: 1, threads: 1)
    #expect(try run(.off, batch: 1, threads: 2) == alone)
    #expect(try run(.off, batch: 4, threads: 3) == alone)
    #expect(try run(.mtp(depth: 3), batch: 1, threads: 2) == alone)
    #expect(try run(.automatic, batch: 4, threads: 2) == alone)
    // More workers than spans: the heads are divided as well, or instead where that is more even.
    #expect(try run(.mtp(depth: 2), batch: 1, threads: 4) == alone)
    #expect(try run(.mtp(depth: 2), batch: 1, threads: 7) == alone)
  }
}
