import Foundation
import Tensors

/// The experts that each row chose and their weights.
final class ExpertSelection: Sendable {
  let expertsPerToken: Int
  let experts: IndexList  // [rows, experts per token]
  let weights: FloatMatrix  // [rows, experts per token]
  let logits: FloatMatrix  // the router's output, then its scores [rows, experts]
  let choiceScores: FloatMatrix  // scratch [rows, experts]: biased and masked scores

  init(rows: Int, expertsPerToken: Int, experts expertCount: Int) {
    self.expertsPerToken = expertsPerToken
    experts = IndexList(capacity: rows * expertsPerToken)
    for _ in 0..<rows * expertsPerToken { experts.append(0) }
    weights = FloatMatrix(rows: rows, columns: expertsPerToken)
    logits = FloatMatrix(rows: rows, columns: expertCount)
    choiceScores = FloatMatrix(rows: rows, columns: expertCount)
  }
}

/// Chooses the experts of a row: sigmoid scores, a correction bias that counts for the choice alone, choice limited to
/// the best groups (DeepSeek-V3, arXiv 2412.19437 §2.1.2).
struct ExpertRouter: Sendable {
  let weights: PackedMatrix  // f32 [experts, hidden]
  let correctionBias: [Float]  // [experts]
  let groupCount: Int
  let chosenGroupCount: Int
  let expertsPerToken: Int
  /// Whether the chosen weights are divided by their sum.
  let normalizesWeights: Bool
  /// Factor on every weight.
  let scalingFactor: Float

  /// Above this many weights each worker computes only its share of the router's columns.
  private static let replicatedWeights = 1 << 16

  /// Routes rows 0 ..< count of `input` and returns the selection that this worker may read.
  func route(_ context: ForwardContext, input: FloatRows, count: Int) -> ExpertSelection {
    let workspace = context.workspace
    let worker = context.worker
    let isReplicated = weights.outputs * weights.inputs <= Self.replicatedWeights
    if !isReplicated {
      let logits = workspace.routerLogits.view
      context.kernels.multiply(
        weights, panels: worker.share(of: weights.panelCount), input: input, output: logits, rowCount: count)
      worker.barrier()
    }
    let isPrivate = count <= Workspace.fewRows
    let selection = isPrivate ? workspace.privateSelections[worker.index] : workspace.selection
    let range = isPrivate ? 0..<count : worker.share(of: count)
    if isReplicated, !range.isEmpty {
      context.kernels.multiply(
        weights, panels: 0..<weights.panelCount, input: input.rows(range),
        output: selection.logits.view.rows(range), rowCount: range.count)
    }
    for row in range {
      if !isReplicated { workspace.routerLogits.view.copyRow(row, to: selection.logits.view, row: row) }
      choose(row: row, selection)
    }
    if !isPrivate { worker.barrier() }
    return selection
  }

  /// Turns the logits of one row into its experts and weights.
  private func choose(row: Int, _ selection: ExpertSelection) {
    let count = weights.outputs
    let first = row * expertsPerToken
    let scores = selection.logits.view
    selection.choiceScores.view.withRow(row) { (choices: inout MutableSpan<Float>) in
      for expert in 0..<count {
        let score = 1 / (1 + exp(-scores[row, expert]))
        scores[row, expert] = score
        choices[expert] = score + correctionBias[expert]
      }
      if chosenGroupCount < groupCount { keepBestGroups(&choices) }
      var sum: Float = 0
      for choice in 0..<expertsPerToken {
        var best = 0
        for expert in 1..<count where choices[expert] > choices[best] { best = expert }
        selection.experts[first + choice] = Int32(truncatingIfNeeded: best)
        selection.weights[row, choice] = scores[row, best]
        sum += scores[row, best]
        choices[best] = -.infinity
      }
      let factor = normalizesWeights ? scalingFactor / (sum + 1e-20) : scalingFactor
      for choice in 0..<expertsPerToken { selection.weights[row, choice] *= factor }
    }
  }

  /// Masks every group but those with the greatest sum of their two best scores.
  private func keepBestGroups(_ scores: inout MutableSpan<Float>) {
    let groupSize = weights.outputs / groupCount
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
      return first + second
    }
    var kept: UInt64 = 0
    for group in 0..<groupCount {
      let own = strength(group)
      var better = 0
      for other in 0..<groupCount {
        let rival = strength(other)
        if rival > own || (rival == own && other < group) { better += 1 }
      }
      if better < chosenGroupCount { kept |= 1 << UInt64(group) }
    }
    for group in 0..<groupCount where kept & (1 << UInt64(group)) == 0 {
      for expert in group * groupSize..<(group + 1) * groupSize { scores[expert] = -.infinity }
    }
  }
}
