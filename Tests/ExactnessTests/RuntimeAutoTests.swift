import Decoding
import Foundation
import FusionSpec
import Testing

/// The runtime's own choice between fast and slow thinking: a kept reply is the fast one, an escalated one the slow one,
/// token by token, and the choice does not depend on drafts, batch or threads.
@Suite(.serialized)
struct RuntimeAutoTests {
  static func requests(
    _ model: LanguageModel, _ settings: ThinkingSettings, temperature: Float, perFile: Int = 2
  ) throws -> [GenerationRequest] {
    try ExactnessTests.prompts(perFile: perFile).map { prompt in
      try model.request(
        prompt, thinking: settings, maximumTokens: 40,
        sampling: SamplingOptions(temperature: temperature, repetitionPenalty: 1.05, seed: 5))
    }
  }

  static func settings(_ threshold: Float = ThinkingSettings.defaultThreshold) -> ThinkingSettings {
    ThinkingSettings(mode: .auto, budget: 24, automatic: .runtime, threshold: threshold)
  }

  /// Results, and what was handed out while they came about.
  static func run(
    _ model: LanguageModel, _ requests: [GenerationRequest], _ speculation: Speculation, batch: Int,
    promptRows: Int = 128
  ) throws -> (results: [GenerationResult], observed: [[Int32]]) {
    let engine = DecodingEngine(
      model: model.decoder,
      configuration: EngineConfiguration(
        slotCount: batch, context: requests.map(\.greatestLength).max() ?? 1, threadCount: model.threadCount,
        promptRowsPerStep: promptRows))
    for var request in requests {
      request.speculation = speculation
      _ = try engine.submit(request)
    }
    var observed = [[Int32]](repeating: [], count: requests.count)
    let results = engine.run { identifier, token, _ in
      observed[identifier].append(token)
      return true
    }
    return (results, observed)
  }

  @Test(arguments: [Float(0), 0.8])
  func `the choice and the tokens do not depend on drafts, batch, threads or prompt chunks`(
    temperature: Float
  ) throws {
    let model = try LanguageModel(contentsOf: ExactnessTests.abacus, options: ModelOptions(threadCount: 1))
    // A threshold among the confidences that occur, so that some replies stay below it, whatever the weights.
    let unhindered = try Self.requests(model, Self.settings(0), temperature: temperature)
    let confidences = try Self.run(model, unhindered, .off, batch: 8).results
      .compactMap { $0.thinkingDecision?.confidence }.sorted()
    let threshold = try #require(confidences.dropFirst(confidences.count / 2).first)
    let requests = try Self.requests(model, Self.settings(Float(threshold)), temperature: temperature)
    let (expected, observed) = try Self.run(model, requests, .off, batch: 1)
    #expect(observed == expected.map(\.tokens))
    let decisions = expected.map(\.thinkingDecision)
    #expect(decisions.contains { $0?.isEscalated == true })
    #expect(decisions.contains { $0?.isEscalated == false })

    // The two replies that there are to choose from.
    let fast = try Self.run(
      model, requests.map(Self.withoutEscalation), .off, batch: 8
    ).results
    let slow = try Self.run(
      model, Self.requests(model, ThinkingSettings(mode: .slow, budget: 24), temperature: temperature), .off,
      batch: 8
    ).results
    for place in expected.indices {
      let decision = try #require(expected[place].thinkingDecision)
      let source = decision.isEscalated ? slow[place] : fast[place]
      #expect(expected[place].tokens == source.tokens)
      #expect(expected[place].promptTokens == source.promptTokens)
      #expect((decision.confidence < decision.threshold) == decision.isEscalated)
      #expect((decision.droppedTokens > 0) == decision.isEscalated)
      let outcome = ThinkingOutcome(model, requested: .auto, expected[place])
      #expect(outcome.used == (decision.isEscalated ? .slow : .fast))
      #expect(outcome.reason.hasPrefix("runtime: confidence"))
    }

    for threads in [1, 2] {
      let model = try LanguageModel(
        contentsOf: ExactnessTests.abacus, options: ModelOptions(threadCount: threads))
      for (speculation, batch, promptRows) in [
        (Speculation.mtp(depth: 1), 1, 128), (.mtp(depth: 3), 8, 128), (.mtp(depth: 5), 1, 5),
        (.lookup(depth: 5), 3, 128),
        (.automatic, 8, 16), (.off, 8, 3),
      ] {
        let found = try Self.run(model, requests, speculation, batch: batch, promptRows: promptRows)
        #expect(found.results.map(\.tokens) == expected.map(\.tokens), "\(speculation), batch \(batch)")
        #expect(found.results.map(\.thinkingDecision) == decisions, "\(speculation), batch \(batch)")
        #expect(found.observed == observed, "\(speculation), batch \(batch)")
      }
    }
  }

  private static func withoutEscalation(_ request: GenerationRequest) -> GenerationRequest {
    var request = request
    request.escalation = nil
    return request
  }

  @Test
  func `drafts after a new beginning are as good as without it`() throws {
    // The cache of the MTP head is kept too: were it wrong, its drafts would be rejected more often.
    let model = try LanguageModel(contentsOf: ExactnessTests.abacus, options: ModelOptions(threadCount: 1))
    let requests = try Self.requests(model, Self.settings(1), temperature: 0)
    let slow = requests.map { request in
      var slow = Self.withoutEscalation(request)
      slow.promptTokens = request.escalation?.promptTokens ?? []
      slow.thinking = request.escalation?.thinking
      return slow
    }
    func counters(_ results: [GenerationResult]) -> SpeculationCounters {
      results.reduce(into: SpeculationCounters()) { $0.add($1.speculation) }
    }
    let expected = counters(try Self.run(model, slow, .mtp(depth: 2), batch: 1).results)
    for promptRows in [128, 4] {
      let anew = try Self.run(model, requests, .mtp(depth: 2), batch: 1, promptRows: promptRows).results
      #expect(anew.filter { $0.thinkingDecision?.isEscalated == true }.count > requests.count / 2)
      let found = counters(anew)
      #expect(abs(found.acceptanceRate - expected.acceptanceRate) < 0.1)
    }
  }

  @Test
  func `thresholds 0 and 1 keep everything and almost nothing`() throws {
    let model = try LanguageModel(
      contentsOf: ExactnessTests.abacus, options: ModelOptions(threadCount: 1))
    let kept = try Self.run(
      model, Self.requests(model, Self.settings(0), temperature: 0), .automatic, batch: 8
    ).results
    #expect(kept.allSatisfy { $0.thinkingDecision?.isEscalated == false })
    let anew = try Self.run(
      model, Self.requests(model, Self.settings(1), temperature: 0), .automatic, batch: 8
    ).results
    #expect(
      anew.allSatisfy { $0.thinkingDecision?.isEscalated == true || $0.thinkingDecision?.confidence == 1 })
    for threshold in [-0.1, 1.1, Float.nan] {
      let request = try #require(
        try Self.requests(model, Self.settings(threshold), temperature: 0, perFile: 1).first)
      #expect(throws: RequestError.self) { try model.makeEngine().check(request) }
    }
  }

  @Test
  func `a reply that is stopped by its reader ends at that token, held back or not`() throws {
    let model = try LanguageModel(
      contentsOf: ExactnessTests.abacus, options: ModelOptions(threadCount: 1))
    let request = try model.request(
      .user("Tell me a short story."), thinking: Self.settings(0), maximumTokens: 30)
    for count in 1...6 {
      for speculation in [Speculation.off, .mtp(depth: 4)] {
        var request = request
        request.speculation = speculation
        let engine = model.makeEngine()
        _ = try engine.submit(request)
        var seen = 0
        let result = try #require(
          engine.run { _, _, _ in
            seen += 1
            return seen < count
          }.first)
        #expect(result.tokens.count == count)
        #expect(result.finishReason == .stop)
        #expect(result.tokensByPhase.values.reduce(0, +) == count)
      }
    }
  }

  @Test
  func `a request that is cancelled while tokens are held back has none of them`() throws {
    let model = try LanguageModel(
      contentsOf: ExactnessTests.abacus, options: ModelOptions(threadCount: 1))
    var request = try model.request(
      .user("Tell me a short story."), thinking: Self.settings(0), maximumTokens: 30)
    request.speculation = .off
    let engine = model.makeEngine()
    let identifier = try engine.submit(request)
    _ = engine.step()
    engine.cancel(identifier)
    let result = try #require(engine.step().first)
    #expect(result.tokens.isEmpty)
    #expect(result.finishReason == .cancelled)
    #expect(engine.isIdle)
  }

  @Test
  func `who chooses is checked against what the model can`() throws {
    let model = try LanguageModel(
      contentsOf: ExactnessTests.abacus, options: ModelOptions(threadCount: 1))
    #expect(
      try model.request(.user("1"), thinking: ThinkingSettings(mode: .auto), maximumTokens: 4).escalation
        == nil)
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    func sample(_ modes: String) throws -> LanguageModel {
      try
        #"{"open": "<think>", "close": "</think>", "switch": {"variable": "thinking", "values": {\#(modes)}}}"#
        .write(to: file, atomically: true, encoding: .utf8)
      return try LanguageModel(
        contentsOf: ExactnessTests.abacus, options: ModelOptions(thinkingProfile: file))
    }
    let two = try sample(#""fast": "fast", "slow": "slow""#)
    #expect(
      try two.request(.user("1"), thinking: ThinkingSettings(mode: .auto), maximumTokens: 4).escalation != nil
    )
    #expect(throws: PromptError.self) {
      try two.request(
        .user("1"), thinking: ThinkingSettings(mode: .auto, automatic: .model), maximumTokens: 4)
    }
    let one = try sample(#""slow": "slow""#)
    for mode in [ThinkingMode.auto, .fast] {
      #expect(throws: PromptError.self) {
        try one.request(.user("1"), thinking: ThinkingSettings(mode: mode), maximumTokens: 4)
      }
    }
    #expect(throws: PromptError.self) {
      try one.request(.raw("1"), thinking: ThinkingSettings(mode: .auto), maximumTokens: 4)
    }
  }
}
