// What a sequence with an `Escalation` does beyond others: it holds tokens back, and may begin anew.
extension SequenceState {
  /// Whether it is still open if the reply is kept.
  var isUndecided: Bool { watch != nil }

  /// Takes the probability of the most probable next token; false where the reply should begin anew.
  func accepts(_ probability: Float) -> Bool { watch?.accepts(probability) ?? true }

  /// Holds back the newest token, and decides for the fast reply once enough is known.
  ///
  /// - Returns: Whether what is held can be handed out.
  func hold(_ fate: TokenFate) -> Bool {
    heldFates.append(fate)
    let opensThoughts = thinking.phase == .thinking
    guard let watch, watch.isOver || opensThoughts || finishReason != nil else { return false }
    decision = watch.decision(isEscalated: false, droppedTokens: 0)
    self.watch = nil
    return true
  }

  /// Empties the list of held tokens, which have been handed out.
  func release() { heldFates.removeAll(keepingCapacity: true) }

  /// Ends the sequence after the first `count` generated tokens.
  func cut(toGenerated count: Int) {
    let dropped = generatedCount - count
    guard dropped > 0 else { return finish(.stop) }
    // Only the last token that is held can be a marker: with it the holding ends.
    let markers = thinking.phase == .thinking ? 1 : 0
    tokensByPhase[Phase.thinking.rawValue] -= markers
    tokensByPhase[Phase.answer.rawValue] -= dropped - markers
    tokens.removeLast(dropped)
    finishReason = .stop
  }

  /// Drops what is held where a request ends from outside before it is decided.
  func dropHeldTokens() {
    guard isUndecided, !heldFates.isEmpty else { return }
    tokens.removeLast(heldFates.count)
    tokensByPhase[Phase.answer.rawValue] -= heldFates.count
    heldFates.removeAll()
  }

  /// Begins anew on the escalation's prompt.
  ///
  /// - Returns: Positions from the beginning whose keys and values, those of the MTP heads included, stay valid.
  func restart() -> Int {
    guard let escalation = request.escalation, let watch else { return cachedCount }
    decision = watch.decision(isEscalated: true, droppedTokens: generatedCount + 1)
    self.watch = nil
    let prompt = escalation.promptTokens
    var shared = 0
    while shared < min(tokens.count, prompt.count), tokens[shared] == prompt[shared] { shared += 1 }
    tokens.removeAll(keepingCapacity: true)
    tokensByPhase = [0, 0]
    heldFates.removeAll()
    timings.restart()
    begin(prompt, thinking: escalation.thinking)
    // A row of MTP head k holds the token k + 1 after its own, so that the last shared rows of the heads are no good; and the
    // last row of the prompt is needed for its logits.
    let kept = max(0, shared - max(1, heads.count))
    reusedCount = min(reusedCount, kept)
    return kept
  }
}
