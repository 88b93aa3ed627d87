/// Everything the engine knows of one request in flight. Confined to the engine.
final class SequenceState {
  let identifier: Int
  let request: GenerationRequest
  /// The cache slot; -1 while the sequence waits for one.
  private(set) var slot = -1
  /// Positions the sequence may grow to.
  private(set) var capacity: Int
  /// Prompt and reply.
  var tokens: [Int32] = []
  private(set) var promptCount: Int
  /// Positions whose keys and values are in the cache.
  var cachedCount = 0
  /// Positions taken over from an earlier request of the conversation.
  var reusedCount = 0
  /// Tokens proposed for the positions after the last token.
  private(set) var drafts: [Int32] = []
  /// What vouches for each draft, where the depth controller asked.
  private(set) var draftEvidence: [AcceptanceModel.Evidence] = []
  /// For each draft the probability that it and those before it are accepted, where the depth controller asked.
  private(set) var draftSurvivals: [Double] = []
  /// The probability that the head gave its newest draft of this round.
  var draftConfidence: Float?
  /// Nanoseconds that the head has taken in this round; nil where it was not asked.
  var draftCost: Double?
  /// Whether this round is one that measures deeper forwards again.
  var isExploring = false
  /// Drafts that will be verified whatever they cost.
  var leastDrafts = 0
  /// Whether one more draft of the head might pay.
  var wantsDeeper = true
  /// How far the rows have come through the MTP heads.
  var heads: HeadProgress
  /// Whether the heads draft for this sequence in this step.
  var isHeadDrafting = false
  private var lookup: PromptLookup?
  /// Whether drafting with the head pays, by phase.
  private(set) var utilities = [DraftUtility(), DraftUtility()]
  /// Where the reply would stand after the drafts.
  private(set) var draftThinking: ThinkingState
  private(set) var history: TokenHistory
  private(set) var thinking: ThinkingState
  var finishReason: FinishReason?
  private(set) var countersByPhase = [SpeculationCounters](repeating: SpeculationCounters(), count: 2)
  var tokensByPhase = [0, 0]
  /// Rounds by their number of drafts.
  private(set) var depthHistogram = [Int](repeating: 0, count: Speculation.depths.upperBound + 1)
  var timings = SequenceTimings()
  /// Watches the beginning of a fast answer until it is decided whether to keep it.
  var watch: ConfidenceWatch?
  /// What became of the tokens that nobody has been told of yet.
  var heldFates: [TokenFate] = []
  var decision: ThinkingDecision?
  /// What cannot come right after a forced closing marker.
  private let tokensThatAreNoAnswer: [Int32]
  private let context: Int
  private let vocabularySize: Int

  init(
    identifier: Int, request: GenerationRequest, context: Int, vocabularySize: Int, mtpHeadCount: Int
  ) {
    self.identifier = identifier
    self.request = request
    heads = HeadProgress(request, headCount: mtpHeadCount)
    self.context = context
    self.vocabularySize = vocabularySize
    tokensThatAreNoAnswer =
      request.thinking.map { request.stopTokens + [$0.openToken, $0.closeToken] } ?? []
    promptCount = 0
    capacity = 0
    history = TokenHistory(vocabularySize: vocabularySize, isUsed: false, capacity: 0)
    thinking = ThinkingState(nil, maximumTokens: 0)
    draftThinking = thinking
    drafts.reserveCapacity(SpeculationCounters.maximumDepth)
    draftEvidence.reserveCapacity(SpeculationCounters.maximumDepth)
    draftSurvivals.reserveCapacity(SpeculationCounters.maximumDepth)
    for phase in countersByPhase.indices { countersByPhase[phase].detach() }
    begin(request.promptTokens, thinking: request.thinking)
    if let escalation = request.escalation {
      watch = ConfidenceWatch(escalation)
      heldFates.reserveCapacity(escalation.watchedTokens)
    }
  }

  /// Takes a prompt; the sequence has no tokens before.
  func begin(_ prompt: [Int32], thinking options: ThinkingOptions?) {
    promptCount = prompt.count
    capacity = min(context, promptCount + request.maximumTokens)
    tokens.reserveCapacity(capacity)
    tokens.append(contentsOf: prompt)
    history = TokenHistory(
      vocabularySize: vocabularySize, isUsed: request.sampling.repetitionPenalty != 1, capacity: capacity)
    for token in tokens { history.add(token) }
    switch request.speculation {
    case .lookup, .automatic: lookup = PromptLookup(capacity: capacity)
    case .off, .mtp: lookup = nil
    }
    let isEnded = thinking.isEndRequested
    thinking = ThinkingState(options, maximumTokens: capacity - promptCount)
    if isEnded { thinking.end() }
    draftThinking = thinking
  }

  var promptTokens: ArraySlice<Int32> { tokens[..<promptCount] }
  var generatedCount: Int { tokens.count - promptCount }
  var generatedTokens: ArraySlice<Int32> { tokens[promptCount...] }

  /// Adds a generated token, and ends the sequence where it must end.
  func append(_ token: Int32) {
    tokens.append(token)
    history.add(token)
    tokensByPhase[thinking.advance(token).rawValue] += 1
    draftThinking = thinking
    if request.stopTokens.contains(token) {
      finishReason = .stop
    } else if tokens.count >= capacity {
      finishReason = .length
    }
  }

  /// Tokens that must not come where a reply stands as `state` says: the stop tokens of one that is too short, and what
  /// would leave the answer empty after a forced closing marker.
  private func excludedTokens(_ state: ThinkingState) -> [Int32] {
    if state.isAnswerDue { return tokensThatAreNoAnswer }
    return state.generatedTokens < request.minimumTokens ? request.stopTokens : []
  }

  /// Tokens that must not come next.
  var excludedTokens: [Int32] { excludedTokens(thinking) }

  /// Tokens that must not come after the drafts.
  var excludedDraftTokens: [Int32] { excludedTokens(draftThinking) }

  /// Ends the sequence from outside.
  func finish(_ reason: FinishReason) { finishReason = finishReason ?? reason }

  /// Forces the end of the thoughts; false where they are not marked.
  func endThinking() -> Bool {
    thinking.end()
    draftThinking.end()
    return request.thinking != nil
  }

  /// Counts one verification round in the phase in which it began.
  func record(drafted: Int, accepted: Int, phase: Phase) {
    countersByPhase[phase.rawValue].record(drafted: drafted, accepted: accepted)
    depthHistogram[min(drafted, depthHistogram.count - 1)] += 1
  }

  /// Adds a draft. Until `removeDraftsFromHistory` it counts as seen, as it will when its successor is verified.
  func addDraft(_ token: Int32, evidence: AcceptanceModel.Evidence? = nil, survival: Double = 1) {
    drafts.append(token)
    draftSurvivals.append(survival)
    if let evidence { draftEvidence.append(evidence) }
    history.add(token)
    draftThinking.advance(token)
  }

  /// Takes the drafts out of the history again.
  func removeDraftsFromHistory() { for token in drafts { history.remove(token) } }

  /// Leaves out the drafts behind the first `count`, once they are out of the history.
  func keepDrafts(_ count: Int) {
    drafts.removeLast(max(0, drafts.count - count))
    draftSurvivals.removeLast(max(0, draftSurvivals.count - count))
    draftEvidence.removeLast(max(0, draftEvidence.count - count))
  }

  /// Forgets the drafts.
  func removeDrafts() {
    drafts.removeAll(keepingCapacity: true)
    draftSurvivals.removeAll(keepingCapacity: true)
    draftEvidence.removeAll(keepingCapacity: true)
    leastDrafts = 0  // a probe of the head asks nothing of copies in a later round
    draftThinking = thinking
  }

  /// Most drafts that the next step can use. The last token of a reply is never drafted for.
  var depthLimit: Int {
    min(request.speculation.fixedDepth ?? Speculation.depths.upperBound, capacity - tokens.count - 1)
  }

  /// The longest earlier occurrence of the text's end.
  func longestMatch() -> PromptLookup.Match? { lookup?.longestMatch(tokens) }

  /// Whether to ask the MTP head in this step, in automatic mode; begins a round of drafting.
  func wantsHeadDraft() -> Bool {
    draftConfidence = nil
    leastDrafts = 0
    wantsDeeper = true
    guard utilities[thinking.phase.rawValue].wantsDraft() else { return false }
    draftCost = 0
    return true
  }

  /// Counts what a round of drafting with the head was worth, in nanoseconds, before what the head itself took.
  func recordDraftValue(_ value: Double) {
    guard let cost = draftCost else { return }
    utilities[thinking.phase.rawValue].record(value - cost)
    draftCost = nil
  }

  /// Whether automatic drafting is paused; a round of drafting is then a probe.
  var isDraftingPaused: Bool { utilities[thinking.phase.rawValue].isPaused }

  /// Gives the sequence its cache slot.
  ///
  /// - Parameters:
  ///   - utilities: What earlier sequences learned of the head's use.
  ///   - prefix: What the slot holds already of this conversation.
  func admit(slot: Int, utilities: [DraftUtility], prefix: RetainedPrefix?) {
    self.slot = slot
    self.utilities = utilities
    if let prefix {
      reusedCount = prefix.reusableCount(for: request.promptTokens, headCount: heads.count)
      cachedCount = reusedCount
      heads.resume(at: reusedCount)
    }
    timings.markAdmitted()
  }

  /// Why nothing was drafted, or why drafting is paused at the end.
  var speculationOffReason: String? {
    let drafted = countersByPhase.reduce(0) { $0 + $1.draftCount }
    switch request.speculation {
    case .off: return "requested"
    case .mtp: return nil
    case .lookup: return drafted == 0 ? "no repeated text to copy from" : nil
    case .automatic:
      if isDraftingPaused { return "drafts cost more than they saved" }
      return drafted == 0 ? "no draft promised to pay" : nil
    }
  }
}
