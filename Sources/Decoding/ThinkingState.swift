/// The part of a reply that a token belongs to.
public enum Phase: Int, Sendable, CaseIterable {
  /// Between the thinking markers.
  case thinking
  /// Everything else.
  case answer

  /// The name in reports.
  public var name: String { self == .thinking ? "thinking" : "answer" }
}

/// How a request's thoughts are marked and limited.
public struct ThinkingOptions: Sendable, Equatable {
  /// Token that opens the thoughts.
  public var openToken: Int32
  /// Token that closes them.
  public var closeToken: Int32
  /// Most tokens between the markers; nil for no limit. At the limit the closing marker is forced.
  public var budget: Int?
  /// Tokens of the limit on the whole reply that the answer keeps for itself.
  public var answerReserve: Int
  /// Whether the prompt ends inside the thoughts already.
  public var startsOpen: Bool

  /// Makes options.
  public init(
    openToken: Int32, closeToken: Int32, budget: Int? = nil, answerReserve: Int = 0, startsOpen: Bool = false
  ) {
    self.openToken = openToken
    self.closeToken = closeToken
    self.budget = budget
    self.answerReserve = answerReserve
    self.startsOpen = startsOpen
  }
}

/// Where a reply stands with respect to its thoughts. A value, so that drafts can be followed on a copy.
struct ThinkingState {
  private let options: ThinkingOptions?
  private let maximumTokens: Int
  private(set) var phase: Phase
  private(set) var thinkingTokens = 0
  private(set) var generatedTokens = 0

  init(_ options: ThinkingOptions?, maximumTokens: Int) {
    self.options = options
    self.maximumTokens = maximumTokens
    phase = options?.startsOpen == true ? .thinking : .answer
  }

  /// The token that must come next whatever the model says, if any.
  var forcedToken: Int32? {
    guard let options, phase == .thinking else { return nil }
    let isSpent = options.budget.map { thinkingTokens >= $0 } ?? false
    let isReserved =
      options.answerReserve > 0 && maximumTokens - generatedTokens <= options.answerReserve + 1
    return isSpent || isReserved ? options.closeToken : nil
  }

  /// Moves past a token and says which phase it belongs to. Markers belong to the thoughts but are not counted.
  @discardableResult
  mutating func advance(_ token: Int32) -> Phase {
    generatedTokens += 1
    guard let options else { return .answer }
    switch (phase, token) {
    case (.answer, options.openToken):
      phase = .thinking
      return .thinking
    case (.thinking, options.closeToken):
      phase = .answer
      return .thinking
    case (.thinking, _):
      thinkingTokens += 1
      return .thinking
    case (.answer, _): return .answer
    }
  }
}
