import Decoding
import Models
import Tensors
import Testing

/// For every family, with and without MTP heads: going on from a conversation's cache changes no token and no draft.
struct FamilyPrefixReuseTests {
  @Test(arguments: OracleFixture.all)
  func `a reused prefix changes no token and no counter`(_ fixture: OracleFixture) throws {
    let record = try fixture.record()
    let model = try fixture.model(.f32)
    let heads = model.mtpHeadCount
    let settings: [Speculation] =
      [.off, .lookup(depth: 3), .automatic] + (heads > 0 ? (1...3).map { .mtp(depth: $0) } : [])
    let samplings = [SamplingOptions(), SamplingOptions(temperature: 0.8, seed: 6)]
    let vocabulary = model.description.vocabularySize
    let engine = engine(model)
    let conversation = ConversationHandle()
    var kept: [Int32] = []
    for (round, place) in (0..<2 * settings.count).map({ ($0, $0 * 7 % settings.count) }) {
      // A part of what is there, cut at a place that moves about, then something new.
      let cut = kept.isEmpty ? 0 : 1 + (round * 17 + 5) % min(kept.count, 60)
      let added = (0..<1 + round % 5).map { Int32(($0 * 13 + round * 29 + 3) % vocabulary) }
      let start = kept.isEmpty ? record.prompt_token_ids : Array(kept.prefix(cut))
      var request = GenerationRequest(
        promptTokens: start + added, maximumTokens: 20, sampling: samplings[round % 2],
        speculation: settings[place])
      let fresh = self.engine(model)
      _ = try fresh.submit(request)
      let expected = try #require(fresh.run().first)
      request.conversation = conversation
      _ = try engine.submit(request)
      let found = try #require(engine.run().first)
      #expect(found.tokens == expected.tokens, "round \(round), \(settings[place])")
      if settings[place] != .automatic {
        #expect(found.speculationByPhase == expected.speculationByPhase, "round \(round), \(settings[place])")
      }
      let common = zip(kept, request.promptTokens).prefix { $0 == $1 }.count
      #expect(
        found.cachedTokenCount
          == max(
            0, min(common - heads, kept.count - max(1, heads), request.promptTokens.count - 1)))
      kept = request.promptTokens + found.tokens
    }
  }

  private func engine(_ model: DecoderModel) -> DecodingEngine {
    DecodingEngine(
      model: model,
      configuration: EngineConfiguration(slotCount: 1, context: 128, threadCount: 1, promptRowsPerStep: 32))
  }
}
