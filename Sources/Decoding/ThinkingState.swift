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
  /// Most tokens of thoughts; nil for no limit. At the limit the bridge and the closing marker are forced. Markers and bridge
  /// are not counted.
  public var budget: Int?
  /// Tokens of the limit on the whole reply that the answer keeps for itself. With a budget it is at least one.
  public var answerReserve: Int
  /// Tokens forced in front of a forced closing marker, such as a sentence that leads over to the answer.
  public var bridgeTokens: [Int32]
  /// Whether the prompt ends inside the thoughts already.
  public var startsOpen: Bool

  /// Makes options.
  public init(
    openToken: Int32, closeToken: Int32, budget: Int? = nil, answerReserve: Int = 0,
    bridgeTokens: [Int32] = [], startsOpen: Bool = false
  ) {
    self.openToken = openToken
    self.closeToken = closeToken
    self.budget = budget
    self.answerReserve = answerReserve
    self.bridgeTokens = bridgeTokens
    self.startsOpen = startsOpen
  }

  /// Tokens that an answer is sure of.
  var guaranteedAnswer: Int { budget == nil ? answerReserve : max(1, answerReserve) }

  /// Markers that a reply has to hold.
  private var markerCount: Int { startsOpen ? 1 : 2 }

  /// Checks that thoughts of the allowed length, what is forced at their end and the answer fit into a reply.
  ///
  /// - Parameter room: Most tokens of the reply.
  func validate(vocabularySize: Int, room: Int) throws(RequestError) {
    for token in [openToken, closeToken] + bridgeTokens where token < 0 || token >= vocabularySize {
      throw .tokenOutOfRange(token: Int(token), vocabularySize: vocabularySize)
    }
    if bridgeTokens.contains(openToken) || bridgeTokens.contains(closeToken) {
      throw .unsupported(option: "thinking-bridge", reason: "it contains a thinking marker")
    }
    if let budget, budget < 0 {
      throw .optionOutOfRange(option: "thinking-budget", found: "\(budget)", accepted: "0 or more")
    }
    guard answerReserve >= 0 else {
      throw .optionOutOfRange(option: "answer-reserve", found: "\(answerReserve)", accepted: "0 or more")
    }
    if budget == nil, answerReserve == 0 { return }
    let bridge = bridgeTokens.isEmpty ? "" : ", the bridge (\(bridgeTokens.count))"
    let forced = markerCount + bridgeTokens.count
    guard answerReserve <= room - forced, forced < room else {
      throw .optionOutOfRange(
        option: "answer-reserve", found: "\(answerReserve)",
        accepted: room > forced
          ? "0 to \(room - forced), so that the thinking markers (\(markerCount))\(bridge) fit into a reply of \(room) tokens"
          : "nothing: the thinking markers (\(markerCount))\(bridge) leave no room for an answer in a reply of \(room) tokens"
      )
    }
    let greatest = room - forced - guaranteedAnswer
    guard let budget, budget > greatest else { return }
    throw .optionOutOfRange(
      option: "thinking-budget", found: "\(budget)",
      accepted:
        "0 to \(greatest), so that the thinking markers (\(markerCount))\(bridge) and the answer (\(guaranteedAnswer)) "
        + "fit into a reply of \(room) tokens")
  }
}

/// Where a reply stands with respect to its thoughts. A value, so that drafts can be followed on a copy.
struct ThinkingState {
  private let options: ThinkingOptions?
  private let maximumTokens: Int
  private(set) var phase: Phase
  private(set) var thinkingTokens = 0
  private(set) var generatedTokens = 0
  /// Tokens of the bridge that have been forced in the thoughts that are open.
  private var bridgedTokens = 0
  /// Whether the next token is the first after a forced closing marker. It must be one of an answer: neither the end nor a
  /// marker.
  private(set) var isAnswerDue = false
  /// Whether the end of the thoughts has been asked for from outside.
  private(set) var isEndRequested = false
  /// Whether thoughts were ended because that had been asked for.
  private(set) var wasEnded = false

  init(_ options: ThinkingOptions?, maximumTokens: Int) {
    self.options = options
    self.maximumTokens = maximumTokens
    phase = options?.startsOpen == true ? .thinking : .answer
  }

  /// The token that must come next whatever the model says, if any.
  var forcedToken: Int32? {
    guard let options, phase == .thinking else { return nil }
    if bridgedTokens == 0 {
      let room = maximumTokens - generatedTokens
      let isSpent = isEndRequested || options.budget.map { thinkingTokens >= $0 } ?? false
      let needed = options.guaranteedAnswer + options.bridgeTokens.count + 1
      let isReserved = options.guaranteedAnswer > 0 && room <= needed
      guard isSpent || isReserved else { return nil }
      // Thoughts that were opened late may leave no room for the bridge.
      if room < needed { return options.closeToken }
    }
    return bridgedTokens < options.bridgeTokens.count
      ? options.bridgeTokens[bridgedTokens] : options.closeToken
  }

  /// Ends the thoughts as a budget that has been reached does.
  mutating func end() { isEndRequested = true }

  /// Moves past a token and says which phase it belongs to. Markers and bridge belong to the thoughts but are not counted.
  @discardableResult
  mutating func advance(_ token: Int32) -> Phase {
    guard let options else {
      generatedTokens += 1
      return .answer
    }
    let isForced = forcedToken == token
    generatedTokens += 1
    isAnswerDue = false
    switch (phase, token) {
    case (.answer, options.openToken):
      phase = .thinking
      return .thinking
    case (.thinking, options.closeToken):
      phase = .answer
      isAnswerDue = isForced
      bridgedTokens = 0
      if isEndRequested { wasEnded = true }
      return .thinking
    case (.thinking, _):
      if isForced { bridgedTokens += 1 } else { thinkingTokens += 1 }
      return .thinking
    case (.answer, _): return .answer
    }
  }
}
