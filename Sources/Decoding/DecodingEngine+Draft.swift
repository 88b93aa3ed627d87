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
      let evidence = AcceptanceModel.Evidence.matchLength(match.length + offset)
      if isAutomatic {
        survival *= controller.acceptance.rate(evidence, position: offset, phase: sequence.thinking.phase)
        if controller.gain(survival: survival, rows: baseRows + offset) <= 0 { break }
      }
      sequence.addDraft(sequence.tokens[match.next + offset], evidence: evidence)
    }
    // A shaky copy leaves the word to the head.
    if isAutomatic, model.mtpHeadCount > 0, !sequence.drafts.isEmpty, match.length < 6 {
      sequence.removeDraftsFromHistory()
      sequence.removeDrafts()
      return false
    }
    return !isAutomatic || !sequence.drafts.isEmpty
  }

  private func wantsHead(_ sequence: SequenceState) -> Bool {
    switch sequence.request.speculation {
    case .mtp: true
    case .automatic: model.mtpHeadCount > 0 && sequence.wantsHeadDraft()
    case .off, .lookup: false
    }
  }

  /// Samples one draft for each drafting sequence, with the noise that the target will use at that position.
  private func takeDrafts() {
    let logits = workspace.draftLogits.view
    for (row, sequence) in drafting.enumerated() {
      let forced = sequence.draftThinking.forcedToken
      let token =
        forced
        ?? sampler.sample(
          logits, row: row, options: sequence.request.sampling, history: sequence.history,
          position: sequence.tokens.count + sequence.drafts.count,
          excluded: sequence.excludedDraftTokens)
      guard sequence.request.speculation == .automatic else {
        sequence.addDraft(token)
        continue
      }
      let confidence = forced == nil ? sampler.probability(of: token, logits, row: row) : 1
      weigh(sequence, token: token, evidence: .headProbability(confidence))
    }
  }

  /// Keeps a draft of the head if verifying it promises to pay, and says whether a deeper one might.
  private func weigh(_ sequence: SequenceState, token: Int32, evidence: AcceptanceModel.Evidence) {
    let position = sequence.drafts.count
    let rate = controller.acceptance.rate(evidence, position: position, phase: sequence.thinking.phase)
    sequence.survival *= rate
    let gain = controller.gain(survival: sequence.survival, rows: baseRows + position)
    sequence.draftValue -= controller.headPass(rows: drafting.count)
    // A probe verifies one likely draft whatever it seems to cost: a cost that was measured wrongly is only ever put right
    // by measuring it again.
    let isMeasured = sequence.isDraftingPaused && position == 0 && rate > 0.25
    guard gain > 0 || isMeasured else {
      sequence.wantsDeeper = false
      return
    }
    sequence.addDraft(token, evidence: evidence)
    sequence.draftValue += gain
    // A deeper draft is expected to be about as sure as this one.
    let next = controller.gain(survival: sequence.survival * rate, rows: baseRows + position + 1)
    sequence.wantsDeeper = next > controller.headPass(rows: drafting.count)
  }

  /// Lists the rows of the next recursion: each sequence's newest draft on top of the last head's own hidden row.
  private func prepareDeeperDraft(_ depth: Int) {
    beginRows()
    var kept = 0
    for row in drafting.indices {  // by index: iterating over the array would hold a copy of it
      let sequence = drafting[row]
      guard sequence.depthLimit >= depth, sequence.wantsDeeper, let token = sequence.drafts.last else {
        sequence.endDrafting()
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
