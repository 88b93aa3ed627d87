import Foundation
import Tensors

/// The experts that each row chose and their weights.
final class ExpertSelection: Sendable {
  let expertsPerToken: Int
  let experts: IndexList  // [rows, experts per token]
  let weights: FloatMatrix  // [rows, experts per token]
  let sharedWeights: FloatMatrix  // [1, rows]: the shared expert's weight, where the router gates it
  let logits: FloatMatrix  // the router's output, then its scores [rows, outputs]
  let choiceScores: FloatMatrix  // scratch [rows, outputs]: biased and masked scores

  init(rows: Int, expertsPerToken: Int, outputs: Int) {
    self.expertsPerToken = expertsPerToken
    experts = IndexList(capacity: rows * expertsPerToken)
    for _ in 0..<rows * expertsPerToken { experts.append(0) }
    weights = FloatMatrix(rows: rows, columns: expertsPerToken)
    sharedWeights = FloatMatrix(rows: 1, columns: rows)
    logits = FloatMatrix(rows: rows, columns: outputs)
    choiceScores = FloatMatrix(rows: rows, columns: outputs)
  }
}

/// Chooses the experts of a row and their weights.
struct ExpertRouter: Sendable {
  /// f32 [experts, hidden]; with a gate for the shared expert one row more, which holds it.
  let weights: PackedMatrix
  let expertCount: Int
  let rule: RoutingRule
  /// Added to the scores for the choice alone, [experts]; empty for none.
  let correctionBias: [Float]
  /// Factors on the weights by expert, [experts]; empty for none.
  let expertScales: [Float]

  /// Whether the shared expert counts with sigmoid(gate · x) (Qwen2-MoE, arXiv 2407.10671).
  var hasSharedGate: Bool { weights.outputs > expertCount }

  /// Above this many weights each worker computes only its share of the router's columns, with a barrier for the others'.
  private static let replicatedWeights = 1 << 16
  /// Likewise where other work hides the barrier.
  private static let replicatedWeightsWithWork = 1 << 14

  /// Whether work between the halves of its barrier pays, if there is some.
  var hidesWork: Bool { weights.outputs * weights.inputs > Self.replicatedWeightsWithWork }

  /// Routes rows 0 ..< count of `input` and returns the selection that this worker may read. With `hasWork` `meanwhile`, which must
  /// not need the selection, is done while others compute their shares of the router.
  func route(
    _ context: ForwardContext, input: FloatRows, count: Int, hasWork: Bool, meanwhile work: () -> Void
  ) -> ExpertSelection {
    let workspace = context.workspace
    let worker = context.worker
    let outputs = 0..<weights.outputs
    let isReplicated = !hasWork && weights.outputs * weights.inputs <= Self.replicatedWeights
    let common = workspace.routerLogits.view.columns(outputs)
    if !isReplicated {
      context.kernels.multiply(
        weights.view, panels: worker.share(of: weights.panelCount), input: input, output: common,
        rowCount: count)
      worker.barrier { if hasWork { work() } }
    }
    let isPrivate = count <= Workspace.fewRows
    let selection = isPrivate ? workspace.privateSelections[worker.index] : workspace.selection
    let logits = selection.logits.view.columns(outputs)
    let range = isPrivate ? 0..<count : worker.share(of: count)
    if isReplicated, !range.isEmpty {
      context.kernels.multiply(
        weights.view, panels: 0..<weights.panelCount, input: input.rows(range), output: logits.rows(range),
        rowCount: range.count)
    }
    for row in range {
      if !isReplicated { common.copyRow(row, to: logits, row: row) }
      if hasSharedGate { selection.sharedWeights[0, row] = sigmoid(logits[row, expertCount]) }
      score(logits, row: row)
      choose(row: row, selection)
    }
    if !isPrivate { worker.barrier() }
    return selection
  }

  private func sigmoid(_ logit: Float) -> Float { 1 / (1 + exp(-logit)) }

  /// Turns the logits of one row into scores, in place.
  private func score(_ rows: FloatRows, row: Int) {
    rows.withRow(row) { (scores: inout MutableSpan<Float>) in
      switch rule.scoring {
      case .sigmoid:
        for expert in 0..<expertCount { scores[expert] = sigmoid(scores[expert]) }
      case .softmax:
        var greatest = -Float.infinity
        for expert in 0..<expertCount { greatest = max(greatest, scores[expert]) }
        var sum: Float = 0
        for expert in 0..<expertCount {
          scores[expert] = exp(scores[expert] - greatest)
          sum += scores[expert]
        }
        for expert in 0..<expertCount { scores[expert] /= sum }
      }
    }
  }

  /// Chooses experts by the scores of one row.
  private func choose(row: Int, _ selection: ExpertSelection) {
    let count = expertCount
    let first = row * rule.expertsPerToken
    let scores = selection.logits.view
    selection.choiceScores.view.withRow(row) { (choices: inout MutableSpan<Float>) in
      for expert in 0..<count {
        choices[expert] =
          correctionBias.isEmpty ? scores[row, expert] : scores[row, expert] + correctionBias[expert]
      }
      var groupSize = 0  // of groups that give one expert each
      switch rule.groups {
      case .none: break
      case .best(let kept, let groups): keepBestGroups(&choices, kept, of: groups, pairs: false)
      case .bestPairs(let kept, let groups): keepBestGroups(&choices, kept, of: groups, pairs: true)
      case .oneEach(let groups): groupSize = count / groups
      }
      var sum: Float = 0
      for choice in 0..<rule.expertsPerToken {
        let candidates = groupSize > 0 ? choice * groupSize..<(choice + 1) * groupSize : 0..<count
        var best = candidates.lowerBound
        for expert in candidates where choices[expert] > choices[best] { best = expert }
        let weight = scores[row, best]
        selection.experts[first + choice] = Int32(truncatingIfNeeded: best)
        selection.weights[row, choice] = expertScales.isEmpty ? weight : weight * expertScales[best]
        sum += weight
        choices[best] = -.infinity
      }
      let factor = rule.normalizesWeights ? rule.scalingFactor / (sum + 1e-20) : rule.scalingFactor
      for choice in 0..<rule.expertsPerToken { selection.weights[row, choice] *= factor }
    }
  }

  /// Masks every group but the strongest: those with the greatest score, or the greatest sum of two scores.
  private func keepBestGroups(_ scores: inout MutableSpan<Float>, _ kept: Int, of groups: Int, pairs: Bool) {
    if kept >= groups { return }
    let groupSize = expertCount / groups
    // A group ranks by how many groups beat it, so no list has to be sorted or allocated.
    func strength(_ group: Int) -> Float {
      var first = -Float.infinity
      var second = -Float.infinity
      for expert in group * groupSize..<(group + 1) * groupSize {
        let score = scores[expert]
        if score > first {
          second = first
          first = score
        } else if score > second {
          second = score
        }
      }
      return pairs ? first + second : first
    }
    var keptGroups: UInt64 = 0
    for group in 0..<groups {
      let own = strength(group)
      var better = 0
      for other in 0..<groups {
        let rival = strength(other)
        if rival > own || (rival == own && other < group) { better += 1 }
      }
      if better < kept { keptGroups |= 1 << UInt64(group) }
    }
    for group in 0..<groups where keptGroups & (1 << UInt64(group)) == 0 {
      for expert in group * groupSize..<(group + 1) * groupSize { scores[expert] = -.infinity }
    }
  }
}
