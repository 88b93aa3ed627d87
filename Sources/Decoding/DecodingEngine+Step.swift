import Models
import Tensors

/// What one live sequence contributes to a step.
struct SequencePlan {
  let sequence: SequenceState
  /// Its rows in the step.
  let rows: Range<Int>
  /// Its first row of logits; nil while its prompt is not complete.
  let firstOutput: Int?
  /// Rows whose keys, values and hidden rows stay valid after verification.
  var validRows: Int
}

// The parts of `DecodingEngine.step`, in the order in which they run.
extension DecodingEngine {
  /// Lists the rows of every live sequence: what is left of the prompt as far as the step's budget goes, or the last token
  /// with its drafts.
  func planRows() {
    rows.removeAll()
    outputs.removeAll()
    plans.removeAll(keepingCapacity: true)
    var promptBudget = configuration.promptRowsPerStep
    for sequence in live where sequence.finishReason == nil {
      let begin = rows.count
      let pending = sequence.tokens.count - sequence.cachedCount
      let taken = pending == 1 ? 1 : min(pending, promptBudget)
      if pending > 1 { promptBudget -= taken }
      if taken == 0 { continue }
      for position in sequence.cachedCount..<sequence.cachedCount + taken {
        rows.append(token: sequence.tokens[position], position: position, slot: sequence.slot)
      }
      guard taken == pending else {
        plans.append(SequencePlan(sequence: sequence, rows: begin..<rows.count, firstOutput: nil, validRows: taken))
        continue
      }
      let firstOutput = outputs.count
      outputs.append(Int32(truncatingIfNeeded: rows.count - 1))
      for (offset, draft) in sequence.drafts.enumerated() {
        outputs.append(Int32(truncatingIfNeeded: rows.count))
        rows.append(token: draft, position: sequence.tokens.count + offset, slot: sequence.slot)
      }
      plans.append(
        SequencePlan(sequence: sequence, rows: begin..<rows.count, firstOutput: firstOutput, validRows: taken))
    }
  }

  /// Samples the target row by row: a draft that equals the target's own token is accepted and the next row counts, the
  /// first that differs ends the round. Row i is sampled with the accepted prefix in the history, so penalties and budgets
  /// see exactly what they would see without speculation.
  func verify(_ observe: (Int, Int32, TokenFate) -> Bool) {
    let logits = workspace.logits.view
    for index in plans.indices {
      let sequence = plans[index].sequence
      guard let firstOutput = plans[index].firstOutput else {
        sequence.cachedCount += plans[index].validRows
        continue
      }
      let drafted = sequence.drafts.count
      let phase = sequence.thinking.phase
      let isFirstToken = sequence.generatedCount == 0
      var accepted = 0
      while true {
        let token = target(sequence, logits, row: firstOutput + accepted)
        let isAccepted = accepted < drafted && sequence.drafts[accepted] == token
        sequence.append(token)
        let fate: TokenFate = isAccepted ? .accepted : accepted < drafted ? .corrected : .undrafted
        if !observe(sequence.identifier, token, fate) { sequence.finish(.stop) }
        if isAccepted { accepted += 1 }
        if !isAccepted || sequence.finishReason != nil { break }
      }
      plans[index].validRows += accepted
      sequence.cachedCount += plans[index].validRows
      sequence.drafts.removeAll(keepingCapacity: true)
      if isFirstToken {
        sequence.timings.markFirstToken(forward: forwardNanoseconds)
      } else {
        sequence.timings.decodeSteps += 1
        sequence.record(drafted: drafted, accepted: accepted, phase: phase)
      }
    }
  }

  /// The sequence's next token by a row of logits.
  private func target(_ sequence: SequenceState, _ logits: FloatRows, row: Int) -> Int32 {
    sequence.thinking.forcedToken
      ?? sampler.sample(
        logits, row: row, options: sequence.request.sampling, history: sequence.history,
        position: sequence.tokens.count)
  }

  /// Runs the MTP head on the valid rows of this step, which fills its cache, and drafts for the next one.
  func draft() {
    draftRows.removeAll()
    draftSources.removeAll()
    draftQueries.removeAll()
    drafting.removeAll(keepingCapacity: true)
    for plan in plans {
      let sequence = plan.sequence
      guard sequence.request.speculation != .off, sequence.finishReason == nil else { continue }
      let firstPosition = sequence.cachedCount - plan.validRows
      for offset in 0..<plan.validRows {
        draftRows.append(
          token: sequence.tokens[firstPosition + offset + 1], position: firstPosition + offset, slot: sequence.slot)
        draftSources.append(Int32(truncatingIfNeeded: plan.rows.lowerBound + offset))
      }
      if plan.firstOutput != nil, nextDepth(sequence) > 0 {
        draftQueries.append(Int32(truncatingIfNeeded: draftRows.count - 1))
        drafting.append(sequence)
      }
    }
    runDraft(source: .mainModel)
    var depth = 1
    while !drafting.isEmpty {
      takeDrafts()
      depth += 1
      prepareDeeperDraft(depth)
      if drafting.isEmpty { break }
      runDraft(source: .previousDraft)
    }
    for plan in plans { plan.sequence.removeDraftsFromHistory() }
  }

  /// Drafts that the sequence can use in the next step. The last token of a reply is never drafted for.
  private func nextDepth(_ sequence: SequenceState) -> Int {
    guard case .mtp(let depth) = sequence.request.speculation else { return 0 }
    return min(depth, sequence.capacity - sequence.tokens.count - 1)
  }

  private func runDraft(source: DecoderModel.DraftSource) {
    guard draftRows.count > 0 else { return }
    measured {
      model.draft(
        head: 0, draftRows, source: source, sourceIndex: draftSources, queries: draftQueries, cache: cache,
        workspace: workspace, pool: pool, kernels: configuration.kernels)
    }
  }

  /// Samples one draft for each drafting sequence, with the noise that the target will use at that position.
  private func takeDrafts() {
    let logits = workspace.draftLogits.view
    for (row, sequence) in drafting.enumerated() {
      let token =
        sequence.draftThinking.forcedToken
        ?? sampler.sample(
          logits, row: row, options: sequence.request.sampling, history: sequence.history,
          position: sequence.tokens.count + sequence.drafts.count)
      sequence.addDraft(token)
    }
  }

  /// Lists the rows of the next recursion: each sequence's newest draft on top of the head's own hidden row.
  private func prepareDeeperDraft(_ depth: Int) {
    draftRows.removeAll()
    draftSources.removeAll()
    draftQueries.removeAll()
    var kept = 0
    for (row, sequence) in drafting.enumerated() {
      guard nextDepth(sequence) >= depth, let token = sequence.drafts.last else { continue }
      // The head's row for position p holds the token at p + 1, which is the newest draft here.
      draftQueries.append(Int32(truncatingIfNeeded: draftRows.count))
      draftRows.append(
        token: token, position: sequence.cachedCount + depth - 2, slot: sequence.slot)
      draftSources.append(Int32(truncatingIfNeeded: row))
      drafting[kept] = sequence
      kept += 1
    }
    drafting.removeSubrange(kept...)
  }
}
