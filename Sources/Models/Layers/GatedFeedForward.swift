import Tensors

/// A SwiGLU unit: down(silu(gate x) * (up x)) (arXiv 2002.05202).
final class GatedFeedForward: Sendable {
  let gateAndUp: PackedMatrix  // interleaved pair, [width, hidden] twice
  let down: PackedMatrix  // [hidden, width]

  init(
    gateAndUp: PackedMatrix, down: PackedMatrix
  ) {
    self.gateAndUp = gateAndUp
    self.down = down
  }

  /// Writes the unit of `norm(residual)` for rows 0 ..< rowCount to `output`, or adds it to what stands there.
  func apply(
    _ context: ForwardContext, residual: FloatRows, rowCount: Int, norm: Norm, output: FloatRows,
    accumulate: Bool
  ) {
    let input = context.normalize(residual, count: rowCount, norm: norm)
    let inner = context.workspace.feedForward.view.columns(0..<gateAndUp.outputs)
    let innerPanels = context.worker.share(of: gateAndUp.panelCount)
    context.kernels(before: down.view).multiplyGated(
      gateAndUp.view, panels: innerPanels, input: input, output: inner, rowCount: rowCount)
    context.worker.barrier(done: innerPanels.count)
    let panels = context.worker.share(of: down.panelCount)
    context.kernels.multiply(
      down.view, panels: panels, input: inner, output: output, rowCount: rowCount, accumulate: accumulate)
    context.worker.barrier(done: panels.count)
  }
}
