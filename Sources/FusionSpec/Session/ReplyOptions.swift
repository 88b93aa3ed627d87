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
  /// Tokens of the reply that are kept for the answer.
  public var answerReserve: Int
  /// Text that is put behind thoughts that end by force.
  public var thinkingBridge: String
  /// Who chooses in automatic mode; nil for the model where it was trained to, else the runtime.
  public var automaticThinking: AutomaticThinking?
  /// Where the runtime chooses: how sure the model must be of a fast answer, see `ThinkingSettings.threshold`.
  public var automaticThreshold: Float

  /// Makes options.
  public init(
    maximumTokens: Int? = nil, minimumTokens: Int = 0, sampling: SamplingOptions = SamplingOptions(),
    stopStrings: [String] = [], speculation: Speculation = .automatic, thinkingBudget: Int? = nil,
    answerReserve: Int = 0, thinkingBridge: String = "", automaticThinking: AutomaticThinking? = nil,
    automaticThreshold: Float = ThinkingSettings.defaultThreshold
  ) {
    self.maximumTokens = maximumTokens
    self.minimumTokens = minimumTokens
    self.sampling = sampling
    self.stopStrings = stopStrings
    self.speculation = speculation
    self.thinkingBudget = thinkingBudget
    self.answerReserve = answerReserve
    self.thinkingBridge = thinkingBridge
    self.automaticThinking = automaticThinking
    self.automaticThreshold = automaticThreshold
  }

  fileprivate func settings(_ mode: ThinkingMode?) -> ThinkingSettings {
    ThinkingSettings(
      mode: mode, budget: thinkingBudget, answerReserve: answerReserve, bridge: thinkingBridge,
      automatic: automaticThinking, threshold: automaticThreshold)
  }
}

extension LanguageModel {
  /// The request for a conversation and its options.
  ///
  /// - Parameter context: Positions of the engine that will run it.
  func makeRequest(
    _ messages: [ChatMessage], thinking: ThinkingMode?, options: ReplyOptions, context: Int
  ) throws(SessionError) -> GenerationRequest {
    do {
      var request = try request(
        .messages(messages), thinking: options.settings(thinking), maximumTokens: 1,
        sampling: options.sampling, speculation: options.speculation)
      let longest = max(request.promptTokens.count, request.escalation?.promptTokens.count ?? 0)
      request.maximumTokens =
        options.maximumTokens
        ?? min(max(1, context - longest), GenerationRequest.tokenLimits.upperBound)
      request.minimumTokens = options.minimumTokens
      return request
    } catch {
      throw .prompt(error)
    }
  }
}
