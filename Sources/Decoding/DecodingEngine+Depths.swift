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
    ranking.removeAll()
    for (place, plan) in plans.enumerated() where plan.sequence.finishReason == nil {
      let sequence = plan.sequence
      guard sequence.request.speculation == .automatic else {
        rows += sequence.drafts.count
        continue
      }
      let perToken = controller.timePerToken(sequence.thinking.phase)
      for survival in sequence.draftSurvivals { ranking.insert(value: survival * perToken, plan: place) }
    }
    let count = ranking.bestCount { controller.rowCost(rows: rows, extra: $0) }
    for (place, plan) in plans.enumerated() where plan.sequence.finishReason == nil {
      guard plan.sequence.request.speculation == .automatic else { continue }
      keep(ranking.share(ofPlan: place, among: count), of: plan.sequence, among: count, rows: rows)
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
    let cost = controller.rowCost(rows: rows, extra: all) * Double(kept) / Double(all)
    sequence.recordDraftValue(tokens * controller.timePerToken(sequence.thinking.phase) - cost)
  }
}
