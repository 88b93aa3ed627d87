import Tensors

/// A matrix with an optional bias: y = W x + b, W [outputs, inputs].
struct Linear: Sendable {
  let weights: PackedMatrix
  let bias: FloatVector?

  /// Computes this worker's share of output columns for `rowCount` rows. The caller places the barrier. `kernels`, if any, know
  /// what the worker reads afterwards.
  func apply(
    _ context: ForwardContext, input: FloatRows, inputIndex: IndexRows? = nil, output: FloatRows,
    outputIndex: IndexRows? = nil, rowCount: Int, accumulate: Bool = false, kernels: KernelSet? = nil
  ) {
    let panels = context.worker.share(of: weights.panelCount)
    (kernels ?? context.kernels).multiply(
      weights.view, panels: panels, input: input, inputIndex: inputIndex, output: output,
      outputIndex: outputIndex,
      rowCount: rowCount, accumulate: accumulate)
    guard let bias, !panels.isEmpty else { return }
    let width = PackedPanels.width
    let columns = panels.lowerBound * width..<min(panels.upperBound * width, weights.outputs)
    for ordinal in 0..<rowCount {
      let row = outputIndex.map { Int($0[ordinal]) } ?? ordinal
      for column in columns { output[row, column] += bias[column] }
    }
  }
}

extension ForwardContext {
  /// The kernels for a product after which the worker reads its share of a matrix, if that is known.
  func kernels(before next: PackedPanels?) -> KernelSet {
    guard let next else { return kernels }
    return kernels.followed(by: next, panel: worker.share(of: next.panelCount).lowerBound)
  }
}
