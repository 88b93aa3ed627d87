import Models
import Tensors

// Drafting for the next step. Runs after verification, on the hidden rows of the same step.
extension DecodingEngine {
  /// Proposes drafts for every live sequence, and fills the MTP heads' caches as far as it is needed.
  func draft() {
    baseRows = 0
    for plan in plans where plan.sequence.finishReason == nil { baseRows += 1 }
    listFeeding()
    for head in 0..<model.mtpHeadCount {
      beginPass()
      for entry in feeding where head < entry.sequence.heads.count { feed(entry, to: head) }
      runHead(head, source: head == 0 ? .mainModel : .previousDraft)
      takeDrafts()
    }
    // Deeper than there are heads the last one goes on with its own rows.
    var depth = model.mtpHeadCount
    while !drafting.isEmpty {
      depth += 1
      prepareDeeperDraft(depth)
      if drafting.isEmpty { break }
      runHead(model.mtpHeadCount - 1, source: .previousDraft)
      takeDrafts()
    }
    for plan in plans { plan.sequence.removeDraftsFromHistory() }
    chooseDepths()
  }

  /// Lists the sequences whose rows go to the heads, and decides for which of them the heads draft. The end of a reply whose
  /// conversation goes on puts off nothing.
  private func listFeeding() {
    feeding.removeAll(keepingCapacity: true)
    for plan in plans {
      let sequence = plan.sequence
      let isOver = sequence.finishReason != nil
      if isOver, sequence.request.conversation == nil { continue }
      sequence.isHeadDrafting =
        !isOver && plan.firstOutput != nil && sequence.depthLimit > 0 && !copies(sequence)
        && wantsHead(sequence)
      let valid = sequence.cachedCount - plan.validRows..<sequence.cachedCount
      sequence.heads.fresh = HeadProgress.FreshRows(positions: valid, row: plan.rows.lowerBound)
      let isPrompt = plan.firstOutput == nil || plan.validRows > Speculation.depths.upperBound + 1
      feeding.append(FeedEntry(sequence: sequence, mustRun: isPrompt || isOver))
    }
    for sequence in live where sequence.finishReason != nil && sequence.request.conversation != nil {
      if feeding.contains(where: { $0.sequence === sequence }) { continue }
      sequence.isHeadDrafting = false
      sequence.heads.fresh = HeadProgress.FreshRows()
      feeding.append(FeedEntry(sequence: sequence, mustRun: true))
    }
  }

  /// Proposes a copy of earlier text where the request allows it and, in automatic mode, where it promises to pay.
  private func copies(_ sequence: SequenceState) -> Bool {
    let isAutomatic: Bool
    switch sequence.request.speculation {
    case .lookup: isAutomatic = false
    case .automatic: isAutomatic = true
    default: return false
    }
    guard let match = sequence.longestMatch() else { return !isAutomatic }
    var survival = 1.0
    for offset in 0..<sequence.depthLimit where match.next + offset < sequence.tokens.count {
      let token = sequence.tokens[match.next + offset]
      let evidence = AcceptanceModel.Evidence.matchLength(match.length + offset)
      if isAutomatic {
        if sequence.request.stopTokens.contains(token) { break }
        survival *= controller.acceptance.rate(evidence, position: offset, phase: sequence.thinking.phase)
      }
      sequence.addDraft(token, evidence: evidence, survival: survival)
    }
    guard isAutomatic else { return true }
    // A shaky copy leaves the word to the head.
    let isShaky = model.mtpHeadCount > 0 && match.length < Self.trustedMatchLength
    let best = controller.bestPrefix(
      sequence.draftSurvivals, phase: sequence.thinking.phase, rows: baseRows)
    if !isShaky, best.count > 0 { return true }
    sequence.removeDraftsFromHistory()
    sequence.removeDrafts()
    return false
  }

  /// Length from which on a match is believed more than the head.
  private static let trustedMatchLength = 6

  private func wantsHead(_ sequence: SequenceState) -> Bool {
    switch sequence.request.speculation {
    case .mtp: true
    case .automatic: model.mtpHeadCount > 0 && beginsRound(sequence)
    case .off, .lookup: false
    }
  }

  private func beginsRound(_ sequence: SequenceState) -> Bool {
    guard sequence.wantsHeadDraft() else { return false }
    headRounds &+= 1
    sequence.isExploring = !sequence.isDraftingPaused && headRounds % Self.explorationPeriod == 0
    return true
  }

  /// Rounds of drafting from one that measures deeper forwards again to the next.
  private static let explorationPeriod = 128

  /// Samples one draft for each drafting sequence, with the noise that the target will use at that position.
  private func takeDrafts() {
    let logits = workspace.draftLogits.view
    for (row, sequence) in drafting.enumerated() {
      let forced = sequence.draftThinking.forcedToken
      let token =
        forced
        ?? sampler.sample(
          logits, row: row, peaks: workspace.draftPeaks, options: sequence.request.sampling,
          history: sequence.history,
          position: sequence.tokens.count + sequence.drafts.count,
          excluded: sequence.excludedDraftTokens)
      guard sequence.request.speculation == .automatic else {
        sequence.addDraft(token)
        continue
      }
      let confidence = forced == nil ? workspace.draftPeaks.probability(of: token, logits, row: row) : 1
      weigh(sequence, token: token, confidence: confidence)
    }
    workspace.draftPeaks.removeDraws()
  }

  /// Takes a draft of the head, and says whether a deeper one might pay. How many are verified is chosen at the end.
  private func weigh(_ sequence: SequenceState, token: Int32, confidence: Float) {
    let phase = sequence.thinking.phase
    let position = sequence.drafts.count
    let evidence = AcceptanceModel.Evidence.headProbability(confidence)
    // The row of a token that ends the reply would be computed for nothing: what comes before it predicts it anyway.
    let isEnd = sequence.request.stopTokens.contains(token)
    let rate = isEnd ? 0 : controller.acceptance.rate(evidence, position: position, phase: phase)
    if let previous = sequence.draftConfidence {
      controller.acceptance.recordFollowing(previous, phase: phase, rate: rate)
    }
    sequence.draftConfidence = confidence
    sequence.draftCost = (sequence.draftCost ?? 0) + controller.headPass(rows: drafting.count)
    if isEnd {
      sequence.wantsDeeper = false
      return
    }
    let survival = (sequence.draftSurvivals.last ?? 1) * rate
    sequence.addDraft(token, evidence: evidence, survival: survival)
    // A probe verifies one likely draft whatever it seems to cost: a cost that was measured wrongly is only ever put right
    // by measuring it again.
    if sequence.isDraftingPaused, position == 0, rate > 0.25 { sequence.leastDrafts = 1 }
    if sequence.isExploring, survival > 0.5, position < Self.exploredDepth {
      sequence.leastDrafts = position + 1
      sequence.wantsDeeper = true
      return
    }
    sequence.wantsDeeper = controller.wantsDeeper(
      sequence.draftSurvivals, rate: controller.acceptance.rate(after: confidence, phase: phase),
      phase: phase,
      rows: baseRows, sharing: drafting.count, limit: sequence.depthLimit)
  }

  /// Drafts that a round made to measure deeper forwards again verifies at most.
  private static let exploredDepth = 5

  /// Lists the rows of the next recursion: each sequence's newest draft on top of the last head's own hidden row.
  private func prepareDeeperDraft(_ depth: Int) {
    beginRows()
    var kept = 0
    for row in drafting.indices {  // by index: iterating over the array would hold a copy of it
      let sequence = drafting[row]
      guard sequence.depthLimit >= depth, sequence.wantsDeeper, let token = sequence.drafts.last else {
        sequence.isHeadDrafting = false
        continue
      }
      draftOutputs.append(Int32(truncatingIfNeeded: draftQueries.count))
      draftQueries.append(Int32(truncatingIfNeeded: draftRows.count))
      // The last head's first draft came from the row of the last cached position.
      draftRows.append(
        token: token, position: sequence.cachedCount - 1 + depth - model.mtpHeadCount, slot: sequence.slot)
      draftSources.append(Int32(truncatingIfNeeded: row))
      drafting[kept] = sequence
      kept += 1
    }
    drafting.removeLast(drafting.count - kept)
  }

  /// Counts what became of a sequence's drafts.
  func learn(_ sequence: SequenceState, accepted: Int, phase: Phase) {
    for (position, evidence) in sequence.draftEvidence.enumerated() where position <= accepted {
      controller.acceptance.record(
        evidence, position: position, phase: phase, isAccepted: position < accepted)
    }
  }
}
