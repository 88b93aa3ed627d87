import Decoding
import Foundation
import FusionSpec
import Tensors
import Testing

/// Conversations: the text of fresh runs, computed only where something changed, and reached from outside.
@Suite(.serialized)
struct SessionTests {
  static func model() throws -> LanguageModel {
    try LanguageModel(contentsOf: ExactnessTests.abacus, options: ModelOptions(threadCount: 1))
  }

  static let turns: [(text: String, mode: ThinkingMode)] = [
    ("What is 347 * 28?", .slow), ("Tell me a short story.", .fast), ("What is 12 + 7?", .auto),
    ("Sort these numbers: 42, 7, 19", .slow),
  ]

  /// The same request in an engine of its own.
  private func fresh(_ model: LanguageModel, _ prompt: [Int32], _ options: ReplyOptions) throws -> [Int32] {
    let engine = model.makeEngine()
    _ = try engine.submit(
      GenerationRequest(
        promptTokens: prompt, maximumTokens: options.maximumTokens ?? 200, sampling: options.sampling,
        stopTokens: model.stopTokens,
        thinking: model.thinkingOptions(after: prompt, ThinkingSettings(budget: options.thinkingBudget))))
    return try #require(engine.run().first).tokens
  }

  private func common(_ left: [Int32], _ right: [Int32]) -> Int {
    zip(left, right).prefix { $0 == $1 }.count
  }

  @Test(arguments: [Speculation.off, .mtp(depth: 3), .lookup(depth: 4), .automatic], [Float(0), 0.8])
  func `a conversation that changes its mode recomputes only what changed`(
    speculation: Speculation, temperature: Float
  ) async throws {
    let model = try Self.model()
    let profile = try #require(model.thinkingProfile)
    let options = ReplyOptions(
      maximumTokens: 160, sampling: SamplingOptions(temperature: temperature, seed: 5),
      speculation: speculation)
    let session = LanguageModelSession(model: model, instructions: "You are a calculator.")
    var kept: [Int32] = []
    var history = [ChatMessage(role: "system", content: "You are a calculator.")]
    for turn in Self.turns {
      let reply = try await session.reply(to: turn.text, thinking: turn.mode, options: options)
      history.append(ChatMessage(role: "user", content: turn.text))
      #expect(reply.promptTokens == (try model.encode(.messages(history), thinking: turn.mode)))
      #expect(reply.result.tokens == (try fresh(model, reply.promptTokens, options)))
      #expect(!reply.promptTokens.contains(profile.open.token), "earlier thoughts are dropped")
      // Whatever the last turn left in the cache is used up to the first token that differs.
      let shared = common(kept, reply.promptTokens)
      #expect(reply.result.cachedTokenCount == max(0, shared - 1))
      #expect(kept.isEmpty || shared > history.dropLast(2).map(\.content.count).reduce(0, +) / 8)
      kept = reply.promptTokens + reply.result.tokens
      history.append(ChatMessage(role: "assistant", content: reply.answer))
      if turn.mode == .slow { #expect(reply.thoughts?.isEmpty == false) }
      if turn.mode == .fast { #expect(reply.thoughts == nil) }
    }
    #expect(session.transcript.map(\.role) == [.system] + Self.turns.flatMap { _ in [.user, .assistant] })
    #expect(session.transcript.map(\.text) == history.map(\.content))
  }

  @Test
  func `a turn in the same mode computes the new question alone`() async throws {
    let model = try Self.model()
    let session = LanguageModelSession(model: model)
    let options = ReplyOptions(maximumTokens: 200)
    // With the default mode nothing is written into the prompt that the next turn would take out again.
    let first = try await session.reply(to: "What is 12 + 7?", thinking: .slow, options: options)
    let second = try await session.reply(to: "What is 3 + 4?", thinking: .slow, options: options)
    #expect(second.result.cachedTokenCount == first.promptTokens.count - 1, "thoughts begin right after")
    let empty = LanguageModelSession(model: model)
    #expect(
      try await empty.reply(to: "What is 12 + 7?", thinking: .slow, options: options).result.cachedTokenCount
        == 0)
  }

  @Test
  func `the pieces of a stream make up the reply`() async throws {
    let session = LanguageModelSession(model: try Self.model())
    var (thoughts, answer) = ("", "")
    var finished: [Reply] = []
    for try await piece in session.streamReply(to: "What is 347 * 28?", thinking: .slow) {
      #expect(finished.isEmpty, "the end comes last")
      switch piece {
      case .thought(let text): thoughts += text
      case .answer(let text): answer += text
      case .finished(let reply): finished.append(reply)
      }
    }
    let reply = try #require(finished.first)
    #expect(finished.count == 1)
    #expect(reply.thoughts == thoughts)
    #expect(reply.answer == answer)
    #expect(answer.contains("9716"))
    #expect(reply.result.finishReason == .stop)
    #expect(!session.isReplying)
    #expect(session.progress == nil)
  }

  /// A model so slow that nobody can miss the moment to stop it.
  private func slowModel() throws -> LanguageModel {
    try LanguageModel(
      contentsOf: ExactnessTests.abacus,
      options: ModelOptions(threadCount: 1, kernels: try #require(KernelSet.named("scalar"))))
  }

  /// A reply that goes on until it is stopped.
  private let endless = ReplyOptions(maximumTokens: 900, minimumTokens: 900)

  @Test
  func `cancelling keeps what was said`() async throws {
    let model = try slowModel()
    let session = LanguageModelSession(model: model)
    var text = ""
    var last: Reply?
    for try await piece in session.streamReply(to: "Tell me a story.", thinking: .fast, options: endless) {
      if case .answer(let part) = piece { text += part }
      if case .finished(let reply) = piece { last = reply }
      if text.count > 20 { session.cancel() }
    }
    let reply = try #require(last)
    #expect(reply.result.finishReason == .cancelled)
    #expect(reply.answer == text)
    #expect(reply.result.tokens.count < 900)
    #expect(session.transcript.last?.text == text)
    // The next turn goes on from it, exactly.
    let options = ReplyOptions(maximumTokens: 30)
    let next = try await session.reply(to: "Go on.", thinking: .fast, options: options)
    #expect(next.result.tokens == (try fresh(model, next.promptTokens, options)))
    #expect(next.result.cachedTokenCount > 0)
  }

  @Test
  func `a reply stopped before its answer leaves nothing behind`() async throws {
    let session = LanguageModelSession(model: try slowModel(), instructions: "Calculate.")
    for try await piece in session.streamReply(to: "What is 347 * 28?", thinking: .slow) {
      if case .thought = piece { session.cancel() }
      if case .finished(let reply) = piece { #expect(reply.answer.isEmpty) }
    }
    #expect(session.transcript == [TranscriptEntry(role: .system, text: "Calculate.")])
  }

  @Test
  func `cancelling the consuming task stops the reply`() async throws {
    let session = LanguageModelSession(model: try slowModel())
    let options = endless
    let (signals, signal) = AsyncStream<Void>.makeStream()
    let task = Task {
      var isFinished = false
      for try await piece in session.streamReply(to: "Tell me a story.", thinking: .fast, options: options) {
        if case .finished = piece { isFinished = true }
        signal.yield()
      }
      return isFinished
    }
    for await _ in signals { break }
    task.cancel()
    #expect(try await task.value == false)
    while session.isReplying { try await Task.sleep(for: .milliseconds(1)) }
    let said = try #require(session.transcript.last)
    #expect(said.role == .assistant)
    let whole = try await LanguageModelSession(model: try Self.model()).reply(
      to: "Tell me a story.", thinking: .fast, options: options)
    #expect(whole.answer.hasPrefix(said.text))
    #expect(said.text.count < whole.answer.count)
    await #expect(throws: SessionError.self) {
      let waiting = Task { try await session.reply(to: "Again.", thinking: .fast, options: options) }
      waiting.cancel()
      _ = try await waiting.value
    }
  }

  @Test
  func `leaving the loop stops the reply`() async throws {
    let session = LanguageModelSession(model: try slowModel())
    for try await _ in session.streamReply(to: "Tell me a story.", thinking: .fast, options: endless) {
      break
    }
    // A reply that nobody waits for any more does not block the next one.
    let next = try await session.reply(to: "What is 12 + 7?", thinking: .fast)
    #expect(next.result.finishReason == .stop)
  }

  @Test
  func `thoughts can be ended while they are thought`() async throws {
    let session = LanguageModelSession(model: try slowModel())
    var last: Reply?
    for try await piece in session.streamReply(to: "What is 98765 * 43210?", thinking: .slow) {
      if case .thought = piece { session.endThinking() }
      if case .finished(let reply) = piece { last = reply }
    }
    let reply = try #require(last)
    #expect(reply.result.wasThinkingEnded)
    let whole = try await LanguageModelSession(model: try Self.model()).reply(
      to: "What is 98765 * 43210?", thinking: .slow)
    #expect(reply.result.thinkingTokenCount < whole.result.thinkingTokenCount)
    #expect(whole.thoughts?.hasPrefix(reply.thoughts ?? "-") == true)
    #expect(!whole.result.wasThinkingEnded)
  }

  @Test
  func `one reply at a time`() async throws {
    let session = LanguageModelSession(model: try slowModel())
    let stream = session.streamReply(to: "Tell me a story.", thinking: .fast, options: endless)
    #expect(session.isReplying)
    do {
      _ = try await session.reply(to: "Me too.")
      Issue.record("a second reply began")
    } catch {
      guard case .busy = error else { throw error }
    }
    session.cancel()
    #expect(try await stream.collect().result.finishReason == .cancelled)
  }

  @Test
  func `reset forgets all but the instructions`() async throws {
    let session = LanguageModelSession(model: try Self.model(), instructions: "Calculate.")
    let first = try await session.reply(to: "What is 12 + 7?", thinking: .fast)
    session.reset()
    #expect(session.transcript.map(\.text) == ["Calculate."])
    let stream = session.streamReply(to: "Tell me a story.", thinking: .fast, options: endless)
    session.reset()
    #expect(try await stream.collect().result.finishReason == .cancelled)
    #expect(session.transcript.map(\.text) == ["Calculate."], "a reply from before leaves nothing")
    let again = try await session.reply(to: "What is 12 + 7?", thinking: .fast)
    #expect(again.answer == first.answer)
    #expect(again.promptTokens == first.promptTokens)
  }

  @Test
  func `what cannot be done is an error and the session goes on`() async throws {
    let session = LanguageModelSession(model: try Self.model(), context: 64)
    func message(_ text: String, _ options: ReplyOptions) async -> String {
      do {
        _ = try await session.reply(to: text, options: options)
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(
      await message(String(repeating: "word ", count: 400), ReplyOptions()).contains("context holds 64"))
    #expect(await message("a", ReplyOptions(speculation: .mtp(depth: 9))).contains("1 to 8"))
    #expect(await message("a", ReplyOptions(maximumTokens: -1)).contains("max-tokens"))
    #expect(await message("a", ReplyOptions(maximumTokens: .max)).contains("max-tokens"))
    #expect(await message("a", ReplyOptions(thinkingBudget: -1)).contains("thinking-budget"))
    #expect(await message("a", ReplyOptions(answerReserve: .min)).contains("answer-reserve"))
    #expect(session.transcript.isEmpty)
    #expect(try await session.reply(to: "What is 1 + 1?", thinking: .fast).answer.contains("2"))
  }

  @Test
  func `the README shows the sample program`() throws {
    let program = try String(
      contentsOf: ExactnessTests.root.appending(path: "Samples/Conversation/main.swift"), encoding: .utf8)
    let readme = try String(contentsOf: ExactnessTests.root.appending(path: "README.md"), encoding: .utf8)
    let code = program.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)[1]
    #expect(readme.contains("```swift\n\(code)```"))
  }
}
