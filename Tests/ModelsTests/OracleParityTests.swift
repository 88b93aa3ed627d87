import Decoding
import Models
import Tensors
import Testing

/// Each family's numbers against its oracle on the same weights, in f32.
struct OracleParityTests {
  /// Largest difference over the oracle's range.
  private func relativeError(_ found: [Float], _ expected: [Float]) -> Float {
    guard found.count == expected.count, let low = expected.min(), let high = expected.max() else {
      return .infinity
    }
    let error = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
    return error / (high - low)
  }

  @Test(arguments: OracleFixture.all, [1, 2])
  func `logits and MTP logits agree within 2e-4 of their range`(_ fixture: OracleFixture, threads: Int) throws
  {
    let record = try fixture.record()
    let model = try fixture.model()
    var main: [Float] = []
    var mtp = [[Float]](repeating: [], count: model.mtpHeadCount)
    let passes = TeacherForcing(model: model, threadCount: threads, rowsPerPass: 9)
    try passes.run(
      record.prompt_token_ids, mainLogits: { _, logits, row in main += logits.array(row: row) },
      mtpLogits: { head, position, logits, row in
        #expect(mtp[head].count == position * model.description.vocabularySize)
        mtp[head] += logits.array(row: row)
      })
    #expect(relativeError(main, try fixture.oracleTensor("logits")) < 2e-4)
    #expect((model.mtpHeadCount == 0) == (record.draft_chains == nil))
    if record.draft_chains != nil {
      let size = (record.prompt_token_ids.count - 1) * model.description.vocabularySize
      let expected = try fixture.oracleTensor("mtp_logits")
      #expect(expected.count == model.mtpHeadCount * size)
      for (head, rows) in mtp.enumerated() {
        // The last rows of the later heads lack a token.
        #expect(rows.count == size - head * model.description.vocabularySize)
        #expect(
          relativeError(rows, Array(expected[head * size..<head * size + rows.count])) < 2e-4, "head \(head)")
      }
    }
  }

  @Test(arguments: OracleFixture.all, [0, 1, 2, 3, 4])
  func `greedy ids equal the oracle's at every depth`(_ fixture: OracleFixture, depth: Int) throws {
    let record = try fixture.record()
    if depth > 0, record.draft_chains == nil { return }
    let model = try fixture.model()
    let engine = DecodingEngine(
      model: model, configuration: EngineConfiguration(context: 128, threadCount: 1))
    _ = try engine.submit(
      GenerationRequest(
        promptTokens: record.prompt_token_ids, maximumTokens: record.greedy_token_ids.count,
        speculation: depth == 0 ? .off : .mtp(depth: depth)))
    let result = try #require(engine.run().first)
    #expect(result.tokens == record.greedy_token_ids)
    if depth == model.mtpHeadCount, let expected = record.use_mtp {
      // The reference counts a last round that the limit on tokens cuts short differently by one at most.
      #expect(abs(result.speculation.acceptedTokenCount - expected.accepted) <= model.mtpHeadCount)
    }
  }

  @Test(arguments: OracleFixture.withMTP)
  func `drafts equal the oracle's, recursion included`(_ fixture: OracleFixture) throws {
    let record = try fixture.record()
    let model = try fixture.model()
    var compared = 0
    for (place, chain) in (record.draft_chains ?? []).enumerated() where place % 7 == 0 && !chain.isEmpty {
      let drafts = try drafts(
        model, prompt: record.prompt_token_ids + record.greedy_token_ids[0..<place], depth: chain.count)
      #expect(drafts == chain, "after \(place) generated tokens")
      compared += 1
    }
    #expect(compared >= 3)
  }

  /// What the head drafts after a prompt and the model's own next token.
  private func drafts(_ model: DecoderModel, prompt: [Int32], depth: Int) throws -> [Int32] {
    let engine = DecodingEngine(
      model: model, configuration: EngineConfiguration(context: prompt.count + 16, threadCount: 1))
    let identifier = try engine.submit(
      GenerationRequest(promptTokens: prompt, maximumTokens: 12, speculation: .mtp(depth: depth)))
    _ = engine.step()
    return engine.pendingDrafts(identifier)
  }
}
