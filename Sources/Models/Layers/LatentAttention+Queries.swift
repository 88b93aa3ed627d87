import Tensors

// From the projected rows to queries that meet cached latents, for the heads of one worker.
extension LatentAttention {
  /// Whether a worker makes the queries of its own heads from the projected rows without the others: always where no expansion
  /// follows, else for few rows, whose norms cost less than meeting once more, if heads can be shared out evenly and consist
  /// of whole panels.
  func makesQueriesAlone(_ context: ForwardContext, count: Int) -> Bool {
    guard queryExpansion != nil else { return true }
    return count <= Workspace.fewRows && shape.heads % context.worker.count == 0
      && shape.queryHead % PackedPanels.width == 0
  }

  /// Absorbed queries of this worker's heads, by itself.
  func absorbAlone(
    _ context: ForwardContext, _ query: FloatRows, queries: IndexRows?, count: Int, heads: Range<Int>,
    layer: Int
  ) {
    guard let queryNorm, let queryExpansion else {
      absorb(context, query, queryIndex: queries, queries: queries, count: count, heads: heads, layer: layer)
      return
    }
    if heads.isEmpty { return }  // weighed workers may have none
    let workspace = context.workspace
    let normed = workspace.privateQueries[context.worker.index].view.columns(0..<query.columns)
    for ordinal in 0..<count {
      let row = queries.map { Int($0[ordinal]) } ?? ordinal
      queryNorm.apply(context.kernels, query, row: row, to: normed, row: ordinal)
    }
    let panels = shape.queryHead / PackedPanels.width
    context.kernels.followed(by: keyUp[heads.lowerBound], panel: 0).multiply(
      queryExpansion.view, panels: heads.lowerBound * panels..<heads.upperBound * panels, input: normed,
      output: workspace.query.view, rowCount: count)
    absorb(
      context, workspace.query.view, queryIndex: nil, queries: queries, count: count, heads: heads,
      layer: layer)
  }

  /// The same where the workers normalise and expand all rows together. The first of its barriers shows the cache rows written
  /// before.
  func absorbTogether(
    _ context: ForwardContext, _ query: FloatRows, queries: IndexRows?, count: Int, heads: Range<Int>,
    layer: Int
  ) {
    let worker = context.worker
    guard let queryNorm, let queryExpansion else { preconditionFailure("queries without an expansion") }
    // Normalised in place, row by row; the expansion needs all of a row.
    for ordinal in worker.share(of: count) {
      let row = queries.map { Int($0[ordinal]) } ?? ordinal
      queryNorm.apply(context.kernels, query, row: row, to: query, row: row)
    }
    worker.barrier()
    let expanded = context.workspace.query.view
    context.kernels.multiply(
      queryExpansion.view, panels: worker.share(of: queryExpansion.panelCount), input: query,
      inputIndex: queries, output: expanded, rowCount: count)
    worker.barrier()
    absorb(context, expanded, queryIndex: nil, queries: queries, count: count, heads: heads, layer: layer)
  }

  /// Queries against the latent: q_nope W_uk beside the rotated q_rope, for some heads.
  private func absorb(
    _ context: ForwardContext, _ query: FloatRows, queryIndex: IndexRows?, queries: IndexRows?, count: Int,
    heads: Range<Int>, layer: Int
  ) {
    let absorbed = context.workspace.absorbed.view
    for head in heads {
      let source = head * shape.queryHead
      let target = head * shape.absorbedHead
      let matrix = keyUp[head]
      let kernels =
        head + 1 < heads.upperBound
        ? context.kernels.followed(by: keyUp[head + 1], panel: 0)
        : kernels(context, attendingFor: 0, queries, count: count, heads: heads, layer: layer)
      kernels.multiply(
        matrix, panels: 0..<matrix.panelCount, input: query.columns(source..<source + shape.nope),
        inputIndex: queryIndex, output: absorbed.columns(target..<target + shape.rank), rowCount: count)
      let rotary = query.columns(source + shape.nope..<source + shape.queryHead)
      let rotated = absorbed.columns(target + shape.rank..<target + shape.absorbedHead)
      for ordinal in 0..<count {
        rotary.copyRow(queryIndex.map { Int($0[ordinal]) } ?? ordinal, to: rotated, row: ordinal)
        let row = queries.map { Int($0[ordinal]) } ?? ordinal
        context.kernels.rotate(
          rotated, row: ordinal, offset: 0, table: self.rotary, position: Int(context.rows.positions[row]))
      }
    }
  }
}
