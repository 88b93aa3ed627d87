import Decoding
import Foundation
import FusionSpec
import Tensors
import Testing

/// Going on from an earlier request's keys and values changes no token, no draft and no counter.
@Suite(.serialized)
struct PrefixReuseTests {
  /// Random numbers that are the same in every run.
  struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ (state >> 29)
    }
  }

  static let samplings = [
    SamplingOptions(), SamplingOptions(temperature: 0.8, repetitionPenalty: 1.1, seed: 4),
  ]

  private func engine(_ model: LanguageModel, slots: Int = 1, rows: Int = 128) -> DecodingEngine {
    DecodingEngine(
      model: model.decoder,
      configuration: EngineConfiguration(
        slotCount: slots, context: 512, threadCount: 1, promptRowsPerStep: rows))
  }

  private func fresh(_ model: LanguageModel, _ request: GenerationRequest) throws -> GenerationResult {
    var request = request
    request.conversation = nil
    let engine = engine(model)
    _ = try engine.submit(request)
    return try #require(engine.run().first)
  }

  private func agree(
    _ found: GenerationResult, _ expected: GenerationResult, _ request: GenerationRequest, _ comment: String
  ) {
    #expect(found.tokens == expected.tokens, "\(comment), \(request.speculation)")
    #expect(found.finishReason == expected.finishReason)
    // Automatic depths depend on measured times, so only the ids can be compared.
    if request.speculation != .automatic {
      #expect(found.speculationByPhase == expected.speculationByPhase, "\(comment), \(request.speculation)")
      #expect(found.depthHistogram == expected.depthHistogram)
    }
  }

  private func common(_ left: [Int32], _ right: [Int32]) -> Int {
    zip(left, right).prefix { $0 == $1 }.count
  }

  @Test(arguments: samplings)
  func `prefixes cut anywhere give what a fresh request gives`(sampling: SamplingOptions) throws {
    let model = try LanguageModel(contentsOf: ExactnessTests.abacus, options: ModelOptions(threadCount: 1))
    var random = Generator(state: 9)
    let requests = try ExactnessTests.requests(model, perFile: 1, sampling: sampling, maximumTokens: 40)
    // Every setting goes on from every other, plain decoding and the first calibration included.
    for first in ExactnessTests.settings {
      let engine = engine(model, rows: [128, 7].randomElement(using: &random) ?? 1)
      let conversation = ConversationHandle()
      var kept: [Int32] = []
      for round in 0..<10 {
        var request = requests.randomElement(using: &random) ?? requests[0]
        request.conversation = conversation
        request.speculation = ExactnessTests.settings.randomElement(using: &random) ?? .off
        if round == 0 { request.speculation = first }
        if round > 0, round % 4 > 0 {
          let cut = Int.random(in: 1...kept.count, using: &random)
          let added = (0..<Int.random(in: 0...20, using: &random)).map { _ in
            Int32.random(in: 20..<200, using: &random)
          }
          request.promptTokens = Array(kept.prefix(cut)) + added
        }
        _ = try engine.submit(request)
        let found = try #require(engine.run().first)
        agree(found, try fresh(model, request), request, "round \(round) after \(first)")
        // The row before the first new token is made anew for the MTP head.
        #expect(found.cachedTokenCount == max(0, common(kept, request.promptTokens) - 1))
        kept = request.promptTokens + found.tokens
      }
    }
  }

  @Test(arguments: samplings)
  func `a cancelled request leaves a prefix that can be used`(sampling: SamplingOptions) throws {
    let model = try LanguageModel(contentsOf: ExactnessTests.abacus, options: ModelOptions(threadCount: 1))
    let base = try ExactnessTests.requests(model, perFile: 1, sampling: sampling, maximumTokens: 110)
    for (index, speculation) in ExactnessTests.settings.enumerated() {
      for steps in [0, 1, 2, 3, 6, 11] {
        let engine = engine(model, rows: 9)
        var request = base[index % base.count]
        request.stopTokens = []
        request.speculation = speculation
        request.conversation = ConversationHandle()
        let identifier = try engine.submit(request)
        var tokens: [Int32] = []
        for _ in 0..<steps {
          _ = engine.step { _, token, _ in
            tokens.append(token)
            return true
          }
        }
        engine.cancel(identifier)
        let cancelled = try #require(engine.run().first)
        #expect(cancelled.finishReason == .cancelled)
        #expect(cancelled.tokens == tokens)
        request.promptTokens += tokens + [30, 31, 32]
        request.speculation = .mtp(depth: 3)
        _ = try engine.submit(request)
        let found = try #require(engine.run().first)
        agree(found, try fresh(model, request), request, "cancelled after \(steps) steps of \(speculation)")
        if !tokens.isEmpty { #expect(found.cachedTokenCount == request.promptTokens.count - 4) }
      }
    }
  }

  @Test(arguments: samplings)
  func `conversations go on beside other sequences`(sampling: SamplingOptions) throws {
    let model = try LanguageModel(contentsOf: ExactnessTests.abacus, options: ModelOptions(threadCount: 2))
    var random = Generator(state: 21)
    let base = try ExactnessTests.requests(model, perFile: 2, sampling: sampling, maximumTokens: 30)
    // Two slots more than conversations, which strangers use; then fewer, so that conversations lose theirs.
    for slots in [5, 2] {
      let engine = engine(model, slots: slots, rows: 40)
      let conversations = (0..<3).map { _ in ConversationHandle() }
      var kept: [ConversationHandle: [Int32]] = [:]
      var requests: [Int: GenerationRequest] = [:]
      var reused = 0
      for round in 0..<6 {
        for place in 0..<5 {
          var request = base[(round * 5 + place) % base.count]
          request.speculation = ExactnessTests.settings.randomElement(using: &random) ?? .off
          if place < 3 {
            request.conversation = conversations[place]
            if let tokens = kept[conversations[place]] {
              request.promptTokens = tokens.dropLast(place) + [40, Int32(50 + round)]
            }
          }
          requests[try engine.submit(request)] = request
        }
        while !engine.isIdle {
          for result in engine.step() {
            let request = try #require(requests[result.identifier])
            agree(result, try fresh(model, request), request, "round \(round), \(slots) slots")
            reused += result.cachedTokenCount
            if let conversation = request.conversation {
              kept[conversation] = request.promptTokens + result.tokens
            }
          }
        }
      }
      if slots == 5 { #expect(reused > 0) }
    }
  }

  @Test
  func `two requests of one conversation at once are both right`() throws {
    let model = try LanguageModel(contentsOf: ExactnessTests.abacus, options: ModelOptions(threadCount: 1))
    var request = try ExactnessTests.requests(model, perFile: 1, sampling: SamplingOptions())[0]
    request.speculation = .mtp(depth: 2)
    let expected = try fresh(model, request)
    let engine = engine(model, slots: 2)
    request.conversation = ConversationHandle()
    for _ in 0..<3 {
      for _ in 0..<2 { _ = try engine.submit(request) }
      for result in engine.run() { agree(result, expected, request, "twins") }
    }
  }

  @Test
  func `the conversation that has rested longest gives its slot up`() throws {
    let model = try LanguageModel(contentsOf: ExactnessTests.abacus, options: ModelOptions(threadCount: 1))
    let base = try ExactnessTests.requests(
      model, perFile: 1, sampling: SamplingOptions(), maximumTokens: 4)[0]
    let engine = engine(model, slots: 2)
    let handles = (0..<3).map { _ in ConversationHandle() }
    func cached(_ conversation: ConversationHandle?) throws -> Int {
      var request = base
      request.conversation = conversation
      _ = try engine.submit(request)
      return try #require(engine.run().first).cachedTokenCount
    }
    let whole = base.promptTokens.count - 1
    #expect(try cached(handles[0]) == 0)
    #expect(try cached(handles[1]) == 0)
    #expect(try cached(handles[0]) == whole)
    #expect(try cached(handles[2]) == 0, "takes the slot of conversation 1")
    #expect(try cached(handles[0]) == whole)
    #expect(try cached(handles[1]) == 0, "takes the slot of conversation 2")
    #expect(try cached(nil) == 0, "takes the slot of conversation 0")
    #expect(try cached(handles[1]) == whole)
    engine.release(handles[1])
    #expect(try cached(handles[1]) == 0)
  }

  @Test
  func `a request cancelled before it starts is reported and takes no slot`() throws {
    let model = try LanguageModel(contentsOf: ExactnessTests.abacus, options: ModelOptions(threadCount: 1))
    var request = try ExactnessTests.requests(model, perFile: 1, sampling: SamplingOptions())[0]
    request.conversation = ConversationHandle()
    let engine = engine(model)
    _ = try engine.submit(request)
    #expect(engine.run().count == 1)
    let cancelled = try engine.submit(request)
    engine.cancel(cancelled)
    #expect(!engine.isIdle)
    let results = engine.step()
    #expect(results.map(\.identifier) == [cancelled])
    #expect(results.first?.finishReason == .cancelled)
    #expect(engine.isIdle)
    _ = try engine.submit(request)
    #expect(engine.run().first?.cachedTokenCount == request.promptTokens.count - 1)
  }

  @Test(arguments: samplings)
  func `thoughts ended from outside equal a budget of what had been thought`(sampling: SamplingOptions) throws
  {
    let model = try LanguageModel(contentsOf: ExactnessTests.abacus, options: ModelOptions(threadCount: 1))
    let prompt = try model.encode(.user("What is 347 * 28?"), thinking: .slow)
    for speculation in ExactnessTests.settings {
      for steps in [0, 1, 2, 5, 9] {
        var request = GenerationRequest(
          promptTokens: prompt, maximumTokens: 120, sampling: sampling, stopTokens: model.stopTokens,
          speculation: speculation, thinking: model.thinkingOptions(after: prompt))
        let engine = engine(model)
        let identifier = try engine.submit(request)
        for _ in 0..<steps { _ = engine.step() }
        let thought = engine.progress(identifier)?.thinkingTokenCount ?? 0
        #expect(engine.endThinking(identifier))
        let found = try #require(engine.run().first)
        #expect(found.wasThinkingEnded)
        #expect(found.thinkingTokenCount == thought)
        request.thinking?.budget = thought
        let expected = try fresh(model, request)
        #expect(found.tokens == expected.tokens, "\(speculation) after \(steps) steps")
        #expect(!expected.wasThinkingEnded)
        #expect(!engine.endThinking(identifier), "it has ended")
      }
    }
  }

  @Test(arguments: samplings)
  func `a conversation whose replies begin anew goes on exactly`(sampling: SamplingOptions) throws {
    let model = try LanguageModel(contentsOf: ExactnessTests.abacus, options: ModelOptions(threadCount: 1))
    let prompts = try ExactnessTests.prompts(perFile: 2)
    var escalated = 0
    for speculation in ExactnessTests.settings {
      let engine = engine(model, rows: 16)
      let conversation = ConversationHandle()
      for (place, prompt) in prompts.prefix(8).enumerated() {
        var request = try model.request(
          prompt,
          thinking: ThinkingSettings(mode: .auto, automatic: .runtime, threshold: place % 2 == 0 ? 0.9 : 0.3),
          maximumTokens: 40, sampling: sampling, speculation: speculation)
        let expected = try fresh(model, request)
        request.conversation = conversation
        _ = try engine.submit(request)
        let found = try #require(engine.run().first)
        agree(found, expected, request, "prompt \(place)")
        #expect(found.promptTokens == expected.promptTokens)
        #expect(found.thinkingDecision == expected.thinkingDecision)
        if found.thinkingDecision?.isEscalated == true { escalated += 1 }
        // And what is left can be used.
        request.escalation = nil
        request.promptTokens = found.promptTokens + found.tokens.dropLast() + [33]
        _ = try engine.submit(request)
        let next = try #require(engine.run().first)
        agree(next, try fresh(model, request), request, "after prompt \(place)")
        #expect(next.cachedTokenCount >= request.promptTokens.count - 2)
      }
    }
    #expect(escalated > 5)
  }
}
