/// Lets a reply begin fast and begin again with slow thinking where the model is unsure of its answer.
///
/// The reply starts on the request's own prompt. Until `watchedTokens` tokens of the answer are there, nothing is handed out;
/// at each of them the probability of the most probable token is looked at. Where it falls below `threshold`, what was
/// generated is dropped and the reply begins anew on `promptTokens`, with the keys and values of the tokens that both prompts
/// begin with. A reply that ends or opens thoughts by itself before that is kept.
///
/// The probabilities are those of the model's logits as they are, without temperature and penalties, so the decision depends
/// on the text alone: not on drafts, batch or threads.
public struct Escalation: Sendable, Equatable {
  /// Numbers of tokens that can be watched.
  public static let watchableTokens = 1...64

  /// The prompt that asks for slow thinking.
  public var promptTokens: [Int32]
  /// Markers and limits of the reply on that prompt.
  public var thinking: ThinkingOptions?
  /// Least probability that is sure enough, 0 (never escalates) to 1.
  public var threshold: Float
  /// Tokens at the beginning of the answer that are watched.
  public var watchedTokens: Int

  /// Makes an escalation.
  public init(
    promptTokens: [Int32], thinking: ThinkingOptions?, threshold: Float, watchedTokens: Int
  ) {
    self.promptTokens = promptTokens
    self.thinking = thinking
    self.threshold = threshold
    self.watchedTokens = watchedTokens
  }

  /// Checks the ranges of the numbers.
  func validate() throws(RequestError) {
    guard threshold >= 0, threshold <= 1 else {
      throw .optionOutOfRange(option: "auto-threshold", found: "\(threshold)", accepted: "0 to 1")
    }
    guard Self.watchableTokens.contains(watchedTokens) else {
      throw .optionOutOfRange(
        option: "watched tokens", found: "\(watchedTokens)",
        accepted: "\(Self.watchableTokens.lowerBound) to \(Self.watchableTokens.upperBound)")
    }
  }
}

/// What became of a request with an `Escalation`.
public struct ThinkingDecision: Sendable, Equatable {
  /// The least probability that was seen.
  public var confidence: Float
  /// The least probability that would have been sure enough.
  public var threshold: Float
  /// Whether the reply began anew with slow thinking.
  public var isEscalated: Bool
  /// Tokens of the fast reply that were dropped, the doubtful one included.
  public var droppedTokens: Int
}

/// Watches the first tokens of an answer.
struct ConfidenceWatch {
  private let threshold: Float
  private var remaining: Int
  private var least: Float = 1

  init(_ escalation: Escalation) {
    threshold = escalation.threshold
    remaining = escalation.watchedTokens
  }

  /// Whether enough has been seen.
  var isOver: Bool { remaining == 0 }

  /// Takes the probability of the next answer token's best candidate; false where it is too low.
  mutating func accepts(_ probability: Float) -> Bool {
    least = min(least, probability)
    remaining -= 1
    return probability >= threshold
  }

  func decision(isEscalated: Bool, droppedTokens: Int) -> ThinkingDecision {
    ThinkingDecision(
      confidence: least, threshold: threshold, isEscalated: isEscalated, droppedTokens: droppedTokens)
  }
}
