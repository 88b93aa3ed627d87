import Decoding
import Models
import Tensors
import Testing

/// For every family: the same ids with speculation off and on, at any depth, in any company.
struct FamilyExactnessTests {
  static let fixtures = OracleFixture.all.filter { $0.family != "deepseek-v3" }

  @Test(arguments: fixtures, WeightFormat.allCases)
  func `speculation, batch and threads change no token`(_ fixture: OracleFixture, format: WeightFormat) throws
  {
    let record = try fixture.record()
    let model = try fixture.model(format)
    let prompts = (0..<4).map { Array(record.prompt_token_ids.dropFirst(2 * $0)) }
    let alone = try prompts.map { try run(model, [$0], .off, batch: 1, threads: 1)[0] }
    for speculation in settings(model) {
      let single = try run(model, [prompts[0]], speculation, batch: 1, threads: 2)
      #expect(single == [alone[0]], "\(speculation), alone")
      let together = try run(model, prompts, speculation, batch: 4, threads: 1)
      #expect(together == alone, "\(speculation), four at once")
    }
  }

  private func settings(_ model: DecoderModel) -> [Speculation] {
    [.off, .lookup(depth: 3)] + (model.mtpHeadCount > 0 ? (1...3).map { .mtp(depth: $0) } : [])
  }

  private func run(
    _ model: DecoderModel, _ prompts: [[Int32]], _ speculation: Speculation, batch: Int, threads: Int
  ) throws -> [[Int32]] {
    let engine = DecodingEngine(
      model: model,
      configuration: EngineConfiguration(
        slotCount: batch, context: 96, threadCount: threads, promptRowsPerStep: batch == 1 ? 32 : 11))
    for prompt in prompts {
      _ = try engine.submit(
        GenerationRequest(promptTokens: prompt, maximumTokens: 40, speculation: speculation))
    }
    return engine.run().map(\.tokens)
  }
}
