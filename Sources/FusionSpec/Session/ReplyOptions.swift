public import Decoding

/// How a session makes one reply.
public struct ReplyOptions: Sendable {
  /// Most tokens, thoughts included; nil for as many as the context has room for.
  public var maximumTokens: Int?
  /// Tokens before which the reply does not end by itself.
  public var minimumTokens: Int
  /// How tokens are chosen; greedy unless told otherwise.
  public var sampling: SamplingOptions
  /// Texts before which the reply ends.
  public var stopStrings: [String]
  /// How drafts are made. The text never depends on it.
  public var speculation: Speculation
  /// Most tokens of thoughts; nil for no limit. Then the answer is forced.
  public var thinkingBudget: Int?
  /// Tokens of `maximumTokens` kept for the answer.
  public var answerReserve: Int

  /// Makes options.
  public init(
    maximumTokens: Int? = nil, minimumTokens: Int = 0, sampling: SamplingOptions = SamplingOptions(),
    stopStrings: [String] = [], speculation: Speculation = .automatic, thinkingBudget: Int? = nil,
    answerReserve: Int = 0
  ) {
    self.maximumTokens = maximumTokens
    self.minimumTokens = minimumTokens
    self.sampling = sampling
    self.stopStrings = stopStrings
    self.speculation = speculation
    self.thinkingBudget = thinkingBudget
    self.answerReserve = answerReserve
  }
}

extension LanguageModel {
  /// The request for a conversation and its options.
  ///
  /// - Parameter context: Positions of the engine that will run it.
  func makeRequest(
    _ messages: [ChatMessage], thinking: ThinkingMode?, options: ReplyOptions, context: Int
  ) throws(SessionError) -> GenerationRequest {
    let prompt: [Int32]
    do { prompt = try encode(.messages(messages), thinking: thinking) } catch { throw .prompt(error) }
    let marks = thinkingOptions(budget: options.thinkingBudget, answerReserve: options.answerReserve)
    if marks == nil, options.thinkingBudget != nil || options.answerReserve != 0 {
      let option = options.thinkingBudget != nil ? "thinking-budget" : "answer-reserve"
      throw .request(.unsupported(option: option, reason: "\(name) marks no thoughts"))
    }
    var request = GenerationRequest(
      promptTokens: prompt, maximumTokens: options.maximumTokens ?? max(1, context - prompt.count),
      sampling: options.sampling, stopTokens: stopTokens, speculation: options.speculation, thinking: marks)
    request.minimumTokens = options.minimumTokens
    return request
  }
}
