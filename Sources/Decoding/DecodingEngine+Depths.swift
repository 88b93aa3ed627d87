// How many of the drafts are verified, chosen for all sequences of the step together.
extension DecodingEngine {
  /// Keeps of the drafts made in automatic mode those that are worth their rows. Rows go where they are likeliest to add a
  /// token, whichever sequence that is; their number is the one that promises most for what the forward costs.
  func chooseDepths() {
    if plans.count == 1 {
      choosePrefix(plans[0].sequence)
      return
    }
    var rows = baseRows
    var available = 0
    for plan in plans where plan.sequence.finishReason == nil {
      let sequence = plan.sequence
      if sequence.request.speculation == .automatic {
        available += sequence.drafts.count
      } else {
        rows += sequence.drafts.count
      }
    }
    let count = available == 0 ? 0 : bestCount(of: available, rows: rows)
    spread(count)
    for plan in plans where plan.sequence.finishReason == nil {
      let sequence = plan.sequence
      guard sequence.request.speculation == .automatic else { continue }
      keep(sequence.keptDrafts, of: sequence, among: count, rows: rows)
    }
  }

  /// The choice for a sequence alone.
  private func choosePrefix(_ sequence: SequenceState) {
    guard sequence.finishReason == nil, sequence.request.speculation == .automatic else { return }
    let best = controller.bestPrefix(
      sequence.draftSurvivals, phase: sequence.thinking.phase, rows: baseRows)
    keep(best.count, of: sequence, among: best.count, rows: baseRows)
  }

  /// Keeps `count` drafts of a sequence, or as many as a probe asks for, and counts what they are worth less their share of
  /// what the drafts of all sequences cost.
  private func keep(_ count: Int, of sequence: SequenceState, among all: Int, rows: Int) {
    let kept = max(count, min(sequence.leastDrafts, sequence.drafts.count))
    sequence.keepDrafts(kept)
    guard sequence.draftCost != nil else { return }
    var tokens = 0.0
    for survival in sequence.draftSurvivals { tokens += survival }
    let all = max(all, kept, 1)
    let cost = controller.mainCost.marginal(rows: rows, extra: all) * Double(kept) / Double(all)
    sequence.recordDraftValue(tokens * controller.timePerToken(sequence.thinking.phase) - cost)
  }

  /// The number of drafts, taken by likelihood, that promises most.
  private func bestCount(of available: Int, rows: Int) -> Int {
    startSpreading()
    var best = (count: 0, value: 0.0)
    var value = 0.0
    for count in 1...available {
      guard let next = takeLikeliest() else { break }
      value += next
      let net = value - controller.mainCost.marginal(rows: rows, extra: count)
      if net > best.value { best = (count, net) }
    }
    return best.count
  }

  private func spread(_ count: Int) {
    startSpreading()
    for _ in 0..<count { _ = takeLikeliest() }
  }

  private func startSpreading() { for plan in plans { plan.sequence.keptDrafts = 0 } }

  /// Takes the draft that is likeliest to add a token among the next ones of all sequences, and says what it is worth in
  /// nanoseconds.
  private func takeLikeliest() -> Double? {
    var best: (sequence: SequenceState, value: Double)?
    for plan in plans where plan.sequence.finishReason == nil {
      let sequence = plan.sequence
      guard sequence.request.speculation == .automatic, sequence.keptDrafts < sequence.drafts.count else {
        continue
      }
      let survival = sequence.draftSurvivals[sequence.keptDrafts]
      let value = survival * controller.timePerToken(sequence.thinking.phase)
      if value > best?.value ?? -1 { best = (sequence, value) }
    }
    best?.sequence.keptDrafts += 1
    return best?.value
  }
}
