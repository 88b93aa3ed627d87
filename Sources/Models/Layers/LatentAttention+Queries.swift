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
      absorb(
        context, query, queryIndex: queries, queries: queries, ordinals: 0..<count, heads: heads, layer: layer
      )
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
      context, workspace.query.view, queryIndex: nil, queries: queries, ordinals: 0..<count, heads: heads,
      layer: layer)
  }

  /// The queries of all heads, made by the workers together: row i of the result is query ordinal i, or, where no expansion
  /// follows, the rows stay where they are. The first of its barriers shows the cache rows written before.
  func expandTogether(
    _ context: ForwardContext, _ query: FloatRows, queries: IndexRows?, count: Int
  ) -> (rows: FloatRows, index: IndexRows?) {
    let worker = context.worker
    guard let queryNorm, let queryExpansion else {
      worker.barrier()
      return (query, queries)
    }
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
    return (expanded, nil)
  }

  /// Queries against the latent: q_nope W_uk beside the rotated q_rope, for some heads of some ordinals.
  func absorb(
    _ context: ForwardContext, _ query: FloatRows, queryIndex: IndexRows?, queries: IndexRows?,
    ordinals: Range<Int>, heads: Range<Int>, layer: Int
  ) {
    let absorbed = context.workspace.absorbed.view.rows(ordinals)
    let query = queryIndex == nil ? query.rows(ordinals) : query
    let queryIndex = queryIndex?.subview(ordinals)
    for head in heads {
      let source = head * shape.queryHead
      let target = head * shape.absorbedHead
      let matrix = keyUp[head]
      let kernels =
        head + 1 < heads.upperBound
        ? context.kernels.followed(by: keyUp[head + 1], panel: 0)
        : kernels(
          context, attendingFor: ordinals.lowerBound, queries, count: ordinals.upperBound, heads: heads,
          layer: layer)
      kernels.multiply(
        matrix, panels: 0..<matrix.panelCount, input: query.columns(source..<source + shape.nope),
        inputIndex: queryIndex, output: absorbed.columns(target..<target + shape.rank),
        rowCount: ordinals.count)
      let rotary = query.columns(source + shape.nope..<source + shape.queryHead)
      let rotated = absorbed.columns(target + shape.rank..<target + shape.absorbedHead)
      for (place, ordinal) in ordinals.enumerated() {
        rotary.copyRow(queryIndex.map { Int($0[place]) } ?? place, to: rotated, row: place)
        let row = queries.map { Int($0[ordinal]) } ?? ordinal
        context.kernels.rotate(
          rotated, row: place, offset: 0, table: self.rotary, position: Int(context.rows.positions[row]))
      }
    }
  }
}
