import Models
import Tensors

// Drafting for the next step. Runs after verification, on the hidden rows of the same step.
extension DecodingEngine {
  /// Hidden rows that a sequence may owe the MTP head before they have to be worked off.
  static let stashRows = 32

  /// Proposes drafts for every live sequence, and fills the MTP head's cache as far as it is needed.
  func draft() {
    draftRows.removeAll()
    draftSources.removeAll()
    draftQueries.removeAll()
    drafting.removeAll(keepingCapacity: true)
    baseRows = 0
    for plan in plans where plan.sequence.finishReason == nil { baseRows += 1 }
    for plan in plans {
      let sequence = plan.sequence
      let wantsHead =
        sequence.finishReason == nil && plan.firstOutput != nil && sequence.depthLimit > 0
        && !copies(sequence)
        && wantsHead(sequence)
      if sequence.finishReason == nil || sequence.request.conversation != nil {
        feedHead(sequence, plan, wantsDraft: wantsHead)
      }
    }
    for sequence in live where sequence.finishReason != nil && sequence.request.conversation != nil {
      feedHead(sequence, nil, wantsDraft: false)
    }
    runHead(source: .mainModel)
    var depth = 1
    while !drafting.isEmpty {
      takeDrafts()
      depth += 1
      prepareDeeperDraft(depth)
      if drafting.isEmpty { break }
      runHead(source: .previousDraft)
    }
    for plan in plans { plan.sequence.removeDraftsFromHistory() }
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

  /// Lists the rows that the head has not seen, those stashed in earlier steps before those of this one, or stashes the
  /// latter as well while the sequence does not draft. The end of a reply whose conversation goes on puts off nothing.
  private func feedHead(_ sequence: SequenceState, _ plan: SequencePlan?, wantsDraft: Bool) {
    guard sequence.feedsHead else { return }
    let stashed = sequence.stashedRows
    let fresh = plan?.validRows ?? 0
    let firstRow = plan?.rows.lowerBound ?? 0
    let firstStashed = sequence.slot * Self.stashRows
    let isShort = fresh <= Speculation.depths.upperBound + 1 && stashed + fresh <= Self.stashRows
    if isShort, !wantsDraft, sequence.finishReason == nil {
      for offset in 0..<fresh {
        workspace.stashHidden(row: firstRow + offset, at: firstStashed + stashed + offset)
      }
      sequence.stashedRows += fresh
      return
    }
    let begin = sequence.headCachedCount
    // A row takes the token after its position, which the last one of a finished reply may lack.
    let count = min(stashed + fresh, sequence.tokens.count - 1 - begin)
    for offset in 0..<max(0, count) {
      draftRows.append(
        token: sequence.tokens[begin + offset + 1], position: begin + offset, slot: sequence.slot)
      let source =
        offset < stashed ? workspace.stashedRow(at: firstStashed + offset) : firstRow + offset - stashed
      draftSources.append(Int32(truncatingIfNeeded: source))
    }
    sequence.headCachedCount += max(0, count)
    sequence.stashedRows = 0
    if wantsDraft {
      draftQueries.append(Int32(truncatingIfNeeded: draftRows.count - 1))
      drafting.append(sequence)
    }
  }

  private func runHead(source: DecoderModel.DraftSource) {
    guard draftRows.count > 0 else { return }
    let elapsed = measured {
      model.draft(
        head: 0, draftRows, source: source, sourceIndex: draftSources, queries: draftQueries, cache: cache,
        workspace: workspace, pool: pool, kernels: configuration.kernels)
    }
    if draftQueries.count > 0 { controller.recordHead(rows: draftQueries.count, nanoseconds: elapsed) }
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

  /// Lists the rows of the next recursion: each sequence's newest draft on top of the head's own hidden row.
  private func prepareDeeperDraft(_ depth: Int) {
    draftRows.removeAll()
    draftSources.removeAll()
    draftQueries.removeAll()
    var kept = 0
    for row in drafting.indices {  // by index: iterating over the array would hold a copy of it
      let sequence = drafting[row]
      guard sequence.depthLimit >= depth, sequence.wantsDeeper, let token = sequence.drafts.last else {
        sequence.endDrafting()
        continue
      }
      // The head's row for position p holds the token at p + 1, which is the newest draft here.
      draftQueries.append(Int32(truncatingIfNeeded: draftRows.count))
      draftRows.append(token: token, position: sequence.cachedCount + depth - 2, slot: sequence.slot)
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

  /// Measures short forwards before the first automatic request, so that the first decisions rest on this machine's own
  /// cost curve. A model too slow for the time allowed learns the curve while running.
  ///
  /// The rows are written to positions of `slot` from `first` on, where nothing is cached yet.
  func calibrate(slot: Int, from first: Int) {
    guard !isCalibrated else { return }
    isCalibrated = true
    let allowed: UInt64 = 40_000_000
    let start = monotonicNanoseconds()
    let vocabulary = model.description.vocabularySize
    let counts = [1, 2, 3, 4, 5, 6, 9].filter { first + $0 < configuration.context }
    // The least of several: whatever else runs on the machine only ever adds time.
    var least = [Double](repeating: .infinity, count: counts.count)
    var leastHead = Double.infinity
    defer {
      for (count, time) in zip(counts, least) where time.isFinite {
        controller.recordMain(rows: count, nanoseconds: time)
      }
      if leastHead.isFinite { controller.recordHead(rows: 1, nanoseconds: leastHead) }
    }
    for _ in 0..<6 {
      for (place, count) in counts.enumerated() {
        if monotonicNanoseconds() - start > allowed { return }
        rows.removeAll()
        outputs.removeAll()
        for row in 0..<count {
          outputs.append(Int32(truncatingIfNeeded: row))
          rows.append(
            token: Int32(truncatingIfNeeded: (row * 7919 + 17) % vocabulary), position: first + row,
            slot: slot)
        }
        least[place] = min(least[place], measured(runMain))
        guard model.mtpHeadCount > 0, count == 1 else { continue }
        outputs.removeAll()
        outputs.append(0)
        let head = measured {
          model.draft(
            head: 0, rows, source: .mainModel, sourceIndex: outputs, queries: outputs, cache: cache,
            workspace: workspace, pool: pool, kernels: configuration.kernels)
        }
        leastHead = min(leastHead, head)
      }
    }
  }
}
