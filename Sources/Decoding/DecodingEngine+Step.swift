import Models
import Tensors

/// What one live sequence contributes to a step.
struct SequencePlan {
  let sequence: SequenceState
  /// The phase in which the step begins.
  let phase: Phase
  /// Its rows in the step.
  let rows: Range<Int>
  /// Its first row of logits; nil while its prompt is not complete.
  var firstOutput: Int?
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
        plans.append(
          SequencePlan(
            sequence: sequence, phase: sequence.thinking.phase, rows: begin..<rows.count, firstOutput: nil,
            validRows: taken))
        continue
      }
      let firstOutput = outputs.count
      for offset in 0...sequence.drafts.count {
        let position = sequence.tokens.count + offset
        guard let draw = Sampler.rowDraw(sequence.request.sampling, position: position) else { break }
        workspace.peaks.ask(draw, row: firstOutput + offset)
      }
      outputs.append(Int32(truncatingIfNeeded: rows.count - 1))
      for (offset, draft) in sequence.drafts.enumerated() {
        outputs.append(Int32(truncatingIfNeeded: rows.count))
        rows.append(token: draft, position: sequence.tokens.count + offset, slot: sequence.slot)
      }
      plans.append(
        SequencePlan(
          sequence: sequence, phase: sequence.thinking.phase, rows: begin..<rows.count,
          firstOutput: firstOutput, validRows: taken)
      )
    }
  }

  /// Samples the target row by row: a draft that equals the target's own token is accepted and the next row counts, the
  /// first that differs ends the round. Row i is sampled with the accepted prefix in the history, so penalties and budgets
  /// see exactly what they would see without speculation.
  ///
  /// - Returns: The number of new tokens.
  func verify(_ observe: (Int, Int32, TokenFate) -> Bool) -> Int {
    var newTokens = 0
    let logits = workspace.logits.view
    for index in plans.indices {
      let sequence = plans[index].sequence
      guard let firstOutput = plans[index].firstOutput else {
        sequence.cachedCount += plans[index].validRows
        continue
      }
      let drafted = sequence.drafts.count
      let phase = plans[index].phase
      let isFirstToken = sequence.generatedCount == 0
      var accepted = 0
      var isRestarted = false
      while true {
        if sequence.isUndecided, sequence.thinking.phase == .answer,
          !sequence.accepts(sampler.greatestProbability(logits, row: firstOutput + accepted))
        {
          isRestarted = true
          break
        }
        var token = target(sequence, logits, row: firstOutput + accepted)
        var isAccepted = accepted < drafted && sequence.drafts[accepted] == token
        if accepted < drafted, let rates = sequence.request.syntheticAcceptance,
          sequence.thinking.forcedToken == nil
        {
          isAccepted = SyntheticAcceptance.accepts(
            rates, depth: accepted, seed: sequence.request.sampling.seed, position: sequence.tokens.count)
          if isAccepted { token = sequence.drafts[accepted] }
        }
        sequence.append(token)
        newTokens += 1
        let fate: TokenFate = isAccepted ? .accepted : accepted < drafted ? .corrected : .undrafted
        report(sequence, token, fate, observe)
        if isAccepted { accepted += 1 }
        if !isAccepted || sequence.finishReason != nil { break }
      }
      if isRestarted {
        restart(&plans[index], accepted: accepted)
        continue
      }
      plans[index].validRows += accepted
      sequence.cachedCount += plans[index].validRows
      defer { sequence.removeDrafts() }
      if !isFirstToken {
        sequence.timings.decodeSteps += 1
        sequence.record(drafted: drafted, accepted: accepted, phase: phase)
        learn(sequence, accepted: accepted, phase: phase)
      }
    }
    workspace.peaks.removeDraws()
    return newTokens
  }

  /// Hands out a new token, or holds it back while the sequence may still begin anew.
  private func report(
    _ sequence: SequenceState, _ token: Int32, _ fate: TokenFate, _ observe: (Int, Int32, TokenFate) -> Bool
  ) {
    guard sequence.isUndecided else {
      if !observe(sequence.identifier, token, fate) { sequence.finish(.stop) }
      return
    }
    guard sequence.hold(fate) else { return }
    for place in sequence.heldFates.indices {
      let token = sequence.tokens[sequence.promptCount + place]
      if !observe(sequence.identifier, token, sequence.heldFates[place]) {
        sequence.cut(toGenerated: place + 1)
        break
      }
    }
    sequence.release()
  }

  /// Lets a sequence begin anew on the escalation's prompt, on top of the cache rows that both prompts share.
  private func restart(_ plan: inout SequencePlan, accepted: Int) {
    let sequence = plan.sequence
    let cached = sequence.cachedCount + plan.validRows + accepted
    let shared = min(sequence.restart(), cached)
    sequence.removeDrafts()
    plan.firstOutput = nil
    if shared >= sequence.cachedCount {
      plan.validRows = shared - sequence.cachedCount
    } else {
      sequence.heads.cut(to: shared)
      plan.validRows = 0
    }
    sequence.cachedCount = shared
  }

  /// The sequence's next token by a row of logits.
  private func target(_ sequence: SequenceState, _ logits: FloatRows, row: Int) -> Int32 {
    sequence.thinking.forcedToken
      ?? sampler.sample(
        logits, row: row, peaks: workspace.peaks, options: sequence.request.sampling,
        history: sequence.history,
        position: sequence.tokens.count, excluded: sequence.excludedTokens)
  }
}
