/// Everything the engine knows of one request in flight. Confined to the engine.
final class SequenceState {
  let identifier: Int
  let request: GenerationRequest
  /// The cache slot; -1 while the sequence waits for one.
  private(set) var slot = -1
  /// Positions the sequence may grow to.
  let capacity: Int
  /// Prompt and reply.
  private(set) var tokens: [Int32]
  let promptCount: Int
  /// Positions whose keys and values are in the cache.
  var cachedCount = 0
  /// Tokens proposed for the positions after the last token.
  var drafts: [Int32] = []
  /// Where the reply would stand after the drafts.
  private(set) var draftThinking: ThinkingState
  private(set) var history: TokenHistory
  private(set) var thinking: ThinkingState
  private(set) var finishReason: FinishReason?
  private(set) var countersByPhase = [SpeculationCounters](repeating: SpeculationCounters(), count: 2)
  private(set) var tokensByPhase = [0, 0]
  var timings = SequenceTimings()

  init(identifier: Int, request: GenerationRequest, context: Int, vocabularySize: Int) {
    self.identifier = identifier
    self.request = request
    promptCount = request.promptTokens.count
    capacity = min(context, promptCount + request.maximumTokens)
    tokens = request.promptTokens
    tokens.reserveCapacity(capacity)
    drafts.reserveCapacity(SpeculationCounters.maximumDepth)
    history = TokenHistory(
      vocabularySize: vocabularySize, isUsed: request.sampling.repetitionPenalty != 1, capacity: capacity)
    for token in tokens { history.add(token) }
    thinking = ThinkingState(request.thinking, maximumTokens: capacity - promptCount)
    draftThinking = thinking
  }

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

  /// Ends the sequence from outside.
  func finish(_ reason: FinishReason) { finishReason = finishReason ?? reason }

  /// Counts one verification round in the phase in which it began.
  func record(drafted: Int, accepted: Int, phase: Phase) {
    countersByPhase[phase.rawValue].record(drafted: drafted, accepted: accepted)
  }

  /// Adds a draft. Until `removeDraftsFromHistory` it counts as seen, as it will when its successor is verified.
  func addDraft(_ token: Int32) {
    drafts.append(token)
    history.add(token)
    draftThinking.advance(token)
  }

  /// Takes the drafts out of the history again.
  func removeDraftsFromHistory() { for token in drafts { history.remove(token) } }

  /// Gives the sequence its cache slot.
  func admit(slot: Int) {
    self.slot = slot
    timings.markAdmitted()
  }
}
