import Decoding
import Foundation
import FusionSpec
import Testing

/// Budgets are exact to the token, the same with and without drafts, and leave an answer.
@Suite(.serialized)
struct ThinkingBudgetTests {
  static let maximumTokens = 96

  /// Questions whose thoughts are short and long.
  static let questions = [
    "12 + 7", "What is 347 * 28?", "Sum these numbers: 2, 2, 3", "Is 91 greater than 19?",
    "Nina starts with 36 toys. Nina buys 7 boxes of 6 toys each. How many toys now?", "65 - 38",
    "请计算 23 + 45",
    "Tell me a short story.",
  ]

  static func requests(
    _ model: LanguageModel, temperature: Float, budget: Int?, bridge: String = "", reserve: Int = 0
  ) throws -> [GenerationRequest] {
    try questions.map { question in
      try model.request(
        .user(question),
        thinking: ThinkingSettings(mode: .slow, budget: budget, answerReserve: reserve, bridge: bridge),
        maximumTokens: maximumTokens, sampling: SamplingOptions(temperature: temperature, seed: 7))
    }
  }

  /// Runs requests to their ends, or to the third token behind the thoughts.
  static func run(
    _ model: LanguageModel, _ engine: DecodingEngine, _ requests: [GenerationRequest],
    _ speculation: Speculation
  ) throws -> [GenerationResult] {
    let close = try #require(model.thinkingProfile).close.token
    var answerTokens: [Int: Int] = [:]
    for var request in requests {
      request.speculation = speculation
      _ = try engine.submit(request)
    }
    return engine.run { identifier, token, _ in
      if let count = answerTokens[identifier] {
        answerTokens[identifier] = count + 1
      } else if token == close {
        answerTokens[identifier] = 0
      }
      return answerTokens[identifier] != 3
    }
  }

  /// The text behind the thoughts.
  static func answer(_ model: LanguageModel, _ result: GenerationResult) -> String {
    var text = ReplyText(model, after: result.promptTokens)
    for token in result.tokens { _ = text.append(token) }
    _ = text.finish()
    return text.answerText
  }

  @Test(
    arguments: [
      (Float(0), "", [0, 1, 5, 17, 64]), (0.8, "", [0, 1, 5, 17, 64]), (0.8, " Enough. ", [0, 5]),
    ])
  func `budgets are exact and the same at every depth and batch size`(
    temperature: Float, bridge: String, budgets: [Int]
  ) throws {
    let model = try LanguageModel(
      contentsOf: ExactnessTests.abacus, options: ModelOptions(threadCount: 1))
    let profile = try #require(model.thinkingProfile)
    let context = try Self.requests(model, temperature: 0, budget: nil).map(\.greatestLength).max() ?? 1
    let engines = [1, 8].map { model.makeEngine(batchSize: $0, context: context) }
    let natural = try Self.run(
      model, engines[1], Self.requests(model, temperature: temperature, budget: nil), .automatic)
    #expect(natural.filter { $0.tokens.first == profile.open.token }.count > natural.count / 2)
    for budget in budgets {
      let requests = try Self.requests(model, temperature: temperature, budget: budget, bridge: bridge)
      let bridgeTokens = requests[0].thinking?.bridgeTokens ?? []
      #expect(bridgeTokens.isEmpty == bridge.isEmpty)
      let plain = try Self.run(model, engines[0], requests, .off)
      for (limited, free) in zip(plain, natural) where free.tokens.first == profile.open.token {
        let length = min(budget, free.thinkingTokenCount)
        let isForced = free.thinkingTokenCount >= budget
        let thoughts = limited.tokens.dropFirst().prefix { $0 != profile.close.token }
        #expect(limited.thinkingTokenCount == length)
        #expect(thoughts.count == length + (isForced ? bridgeTokens.count : 0))
        #expect(limited.tokens.starts(with: free.tokens.prefix(1 + length)))
        if isForced {
          #expect(thoughts.suffix(bridgeTokens.count).elementsEqual(bridgeTokens))
          let first = try #require(limited.tokens.dropFirst(thoughts.count + 2).first)
          #expect(first != profile.open.token && !model.stopTokens.contains(first))
        }
        #expect(!Self.answer(model, limited).isEmpty, "budget \(budget)")
      }
      for depth in 1...5 {
        let found = try Self.run(model, engines[depth % 2], requests, .mtp(depth: depth))
        #expect(found.map(\.tokens) == plain.map(\.tokens), "budget \(budget), depth \(depth)")
      }
      for (engine, speculation) in zip(engines, [Speculation.automatic, .mtp(depth: 3)]) {
        let found = try Self.run(model, engine, requests, speculation)
        #expect(found.map(\.tokens) == plain.map(\.tokens), "budget \(budget), \(speculation)")
      }
      let together = try Self.run(model, engines[1], requests, .off)
      #expect(together.map(\.tokens) == plain.map(\.tokens), "budget \(budget), batch 8")
    }
  }

  @Test
  func `an answer reserve is kept, bridge and marker in front of it`() throws {
    let model = try LanguageModel(
      contentsOf: ExactnessTests.abacus, options: ModelOptions(threadCount: 1))
    let profile = try #require(model.thinkingProfile)
    let engine = model.makeEngine(batchSize: 8)
    let requests = try Self.requests(model, temperature: 0, budget: nil, bridge: " So:", reserve: 70)
    let plain = try Self.run(model, engine, requests, .off)
    for result in plain where result.tokens.first == profile.open.token {
      let close = try #require(result.tokens.firstIndex(of: profile.close.token))
      #expect(close + 1 <= Self.maximumTokens - 70)
    }
    #expect(plain.contains { $0.tokens.firstIndex(of: profile.close.token) == Self.maximumTokens - 71 })
    let drafted = try Self.run(model, engine, requests, .mtp(depth: 4))
    #expect(drafted.map(\.tokens) == plain.map(\.tokens))
  }

  @Test
  func `a prompt that opened the thoughts begins inside them`() throws {
    let model = try LanguageModel(
      contentsOf: ExactnessTests.abacus, options: ModelOptions(threadCount: 1))
    let profile = try #require(model.thinkingProfile)
    let engine = model.makeEngine()
    let prompt = try model.encode(.user("What is 347 * 28?"), thinking: .slow) + [profile.open.token]
    for budget in [0, 5] {
      for speculation in [Speculation.off, .mtp(depth: 3)] {
        let request = GenerationRequest(
          promptTokens: prompt, maximumTokens: 40, stopTokens: model.stopTokens, speculation: speculation,
          thinking: model.thinkingOptions(after: prompt, ThinkingSettings(budget: budget)))
        #expect(request.thinking?.startsOpen == true)
        let result = try #require(try Self.run(model, engine, [request], speculation).first)
        #expect(result.tokens[budget] == profile.close.token)
        #expect(result.thinkingTokenCount == budget)
        #expect(result.tokensByPhase[.thinking] ?? 0 >= budget + 1)
        var text = ReplyText(model, after: prompt)
        for token in result.tokens { _ = text.append(token) }
        _ = text.finish()
        #expect(text.hasThoughts)
        #expect(text.thinkingText.isEmpty == (budget == 0))
        #expect(!text.answerText.isEmpty)
        #expect(ThinkingOutcome(model, requested: nil, result).used == .slow)
      }
    }
  }

  @Test
  func `an answer follows a forced marker even where the model would end or think again`() throws {
    let model = try LanguageModel(
      contentsOf: ExactnessTests.abacus, options: ModelOptions(threadCount: 1))
    let profile = try #require(model.thinkingProfile)
    let engine = model.makeEngine()
    let prompt = try model.encode(.user("What is 347 * 28?"), thinking: .slow) + [profile.open.token]
    let stop = try #require(model.stopTokens.first)
    for pushed in [stop, profile.open.token, profile.close.token] {
      for temperature in [Float(0), 0.8] {
        let request = GenerationRequest(
          promptTokens: prompt, maximumTokens: 12,
          sampling: SamplingOptions(
            temperature: temperature, seed: 3, biases: [TokenBias(token: pushed, bias: 1000)]),
          stopTokens: model.stopTokens,
          thinking: model.thinkingOptions(after: prompt, ThinkingSettings(budget: 0)))
        let plain = try #require(try Self.run(model, engine, [request], .off).first).tokens
        #expect(plain[0] == profile.close.token)
        #expect(![stop, profile.open.token, profile.close.token].contains(plain[1]))
        #expect(plain[2] == pushed)
        for depth in 1...5 {
          let drafted = try Self.run(model, engine, [request], .mtp(depth: depth))
          #expect(drafted.first?.tokens == plain, "depth \(depth)")
        }
      }
    }
  }

  @Test(arguments: [
    (ThinkingSettings(budget: 14), "thinking-budget"), (ThinkingSettings(budget: .max), "thinking-budget"),
    (ThinkingSettings(budget: 10, answerReserve: 5), "thinking-budget"),
    (ThinkingSettings(budget: 0, bridge: "1 2 3 4 5 6 7 8 9 10 11 12 13 14"), "answer-reserve"),
    (ThinkingSettings(answerReserve: 15), "answer-reserve"),
    (ThinkingSettings(answerReserve: .max), "answer-reserve"),
    (ThinkingSettings(budget: -1), "thinking-budget"),
    (ThinkingSettings(answerReserve: -1), "answer-reserve"),
  ])
  func `limits that do not fit are refused`(settings: ThinkingSettings, option: String) throws {
    let model = try LanguageModel(
      contentsOf: ExactnessTests.abacus, options: ModelOptions(threadCount: 1))
    let engine = model.makeEngine()
    let request = try model.request(.user("1 + 1"), thinking: settings, maximumTokens: 16)
    let error = try #require(throws: RequestError.self) { try engine.submit(request) }
    #expect(error.description.contains(option), "\(error)")
    let fitting = try model.request(
      .user("1 + 1"), thinking: ThinkingSettings(budget: 13), maximumTokens: 16)
    _ = try engine.submit(fitting)
    #expect(engine.run().first?.tokens.isEmpty == false)
  }
}
