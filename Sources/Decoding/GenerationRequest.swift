/// How a request drafts.
public enum Speculation: Sendable, Equatable {
  /// One token a step.
  case off
  /// A fixed number of drafts from the multi-token-prediction head, 1 to 8.
  case mtp(depth: Int)
  /// At most this many drafts copied from the request's own text, 1 to 8.
  case lookup(depth: Int)
  /// Both, as deep as it pays: see `DepthController`. Works for every model.
  case automatic

  /// Depths that can be asked for.
  public static let depths = 1...8

  /// The number of drafts where it is fixed.
  public var fixedDepth: Int? {
    switch self {
    case .off, .automatic: nil
    case .mtp(let depth), .lookup(let depth): depth
    }
  }
}

/// One prompt and how to continue it.
public struct GenerationRequest: Sendable {
  /// Values that `maximumTokens` may have; far from where sums with it would overflow.
  public static let tokenLimits = 1...(1 << 24)

  /// Token ids of the prompt; at least one.
  public var promptTokens: [Int32]
  /// Most tokens to generate.
  public var maximumTokens: Int
  /// How tokens are chosen.
  public var sampling: SamplingOptions
  /// Tokens that end the reply; they are part of it.
  public var stopTokens: [Int32]
  /// Tokens before which no stop token is chosen.
  public var minimumTokens = 0
  /// How drafts are made.
  public var speculation: Speculation
  /// Thinking markers and limits; nil where the model has none.
  public var thinking: ThinkingOptions?
  /// Lets the reply begin anew with slow thinking; nil keeps it as it is.
  public var escalation: Escalation?
  /// The conversation that the request belongs to: it goes on from what the last one left in the cache, and leaves its own
  /// there. One request of a conversation at a time; a second one in flight starts from nothing.
  public var conversation: ConversationHandle?
  /// For benchmarks only, see `SyntheticAcceptance`: the text becomes garbage.
  public var syntheticAcceptance: [Double]?

  /// Makes a request.
  public init(
    promptTokens: [Int32], maximumTokens: Int, sampling: SamplingOptions = SamplingOptions(),
    stopTokens: [Int32] = [],
    speculation: Speculation = .off, thinking: ThinkingOptions? = nil
  ) {
    self.promptTokens = promptTokens
    self.maximumTokens = maximumTokens
    self.sampling = sampling
    self.stopTokens = stopTokens
    self.speculation = speculation
    self.thinking = thinking
  }

  /// Positions that prompt and reply may need.
  public var greatestLength: Int {
    max(promptTokens.count, escalation?.promptTokens.count ?? 0) + maximumTokens
  }

  /// Checks the request against a model's vocabulary and an engine's context.
  package func validate(vocabularySize: Int, context: Int, mtpHeadCount: Int) throws(RequestError) {
    guard Self.tokenLimits.contains(maximumTokens) else {
      throw .optionOutOfRange(
        option: "max-tokens", found: "\(maximumTokens)", accepted: "1 to \(Self.tokenLimits.upperBound)")
    }
    try validate(promptTokens, thinking, vocabularySize: vocabularySize, context: context)
    if let escalation {
      try escalation.validate()
      try validate(
        escalation.promptTokens, escalation.thinking, vocabularySize: vocabularySize, context: context)
    }
    guard (0...maximumTokens).contains(minimumTokens) else {
      throw .optionOutOfRange(
        option: "min-tokens", found: "\(minimumTokens)", accepted: "0 to max-tokens (\(maximumTokens))")
    }
    try sampling.validate()
    for bias in sampling.biases where bias.token < 0 || bias.token >= vocabularySize {
      throw .tokenOutOfRange(token: Int(bias.token), vocabularySize: vocabularySize)
    }
    for token in stopTokens where token < 0 || token >= vocabularySize {
      throw .tokenOutOfRange(token: Int(token), vocabularySize: vocabularySize)
    }
    if let syntheticAcceptance { try SyntheticAcceptance.validate(syntheticAcceptance) }
    guard let depth = speculation.fixedDepth else { return }
    guard Speculation.depths.contains(depth) else {
      throw .optionOutOfRange(
        option: "depth", found: "\(depth)", accepted: "1 to \(Speculation.depths.upperBound)")
    }
    if case .mtp = speculation, mtpHeadCount == 0 {
      throw .unsupported(option: "speculation mtp", reason: "the model has no multi-token-prediction head")
    }
  }

  /// Checks a prompt, and that the thoughts on it may be limited as asked.
  private func validate(
    _ prompt: [Int32], _ thinking: ThinkingOptions?, vocabularySize: Int, context: Int
  ) throws(RequestError) {
    if prompt.isEmpty { throw .emptyPrompt }
    for token in prompt where token < 0 || token >= vocabularySize {
      throw .tokenOutOfRange(token: Int(token), vocabularySize: vocabularySize)
    }
    guard prompt.count < context else {
      throw .promptTooLong(tokens: prompt.count, context: context)
    }
    try thinking?.validate(vocabularySize: vocabularySize, room: min(maximumTokens, context - prompt.count))
  }
}

/// Why a reply ended.
public enum FinishReason: String, Sendable {
  /// A stop token or stop string.
  case stop
  /// The limit on tokens, or the end of the context.
  case length
  /// The caller gave up.
  case cancelled
}

/// How a generated token came about.
public enum TokenFate: Sendable {
  /// Drafted, and the model agreed.
  case accepted
  /// The model's own token where a draft was wrong.
  case corrected
  /// The model's own token where nothing was drafted.
  case undrafted
}
