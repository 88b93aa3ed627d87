import Tensors

/// The sizes of multi-head latent attention.
struct LatentAttentionShape: Sendable {
  let heads: Int
  /// Width of the cached latent (kv_lora_rank).
  let rank: Int
  /// Rotated dimensions of a query head, and of the one shared rotary key.
  let rope: Int
  /// Unrotated dimensions of a query head.
  let nope: Int
  /// Width of a value head.
  let value: Int
  /// Width of the query compression, nil where queries are projected directly.
  let queryRank: Int?

  var queryHead: Int { nope + rope }
  var queryWidth: Int { heads * queryHead }
  var absorbedHead: Int { rank + rope }
  /// Floats that one position occupies in the cache: the normed latent, then the rotated key.
  var cacheWidth: Int { rank + rope }

  func add(to widths: inout WorkspaceWidths) {
    widths = widths.union(
      WorkspaceWidths(
        projected: (queryRank ?? queryWidth) + rank + rope, queryRank: queryRank ?? 0,
        query: queryRank == nil ? 0 : queryWidth,
        absorbed: heads * absorbedHead, latent: heads * rank, attended: heads * value, heads: heads,
        latentRank: rank, latentRope: rope))
  }
}

/// Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434 §2.1) in absorbed form: the key up-projection is applied
/// to the query and the value up-projection to the result, so that attention reads nothing but the cached latents.
///
/// The same form serves prompts, decoding and verification, which keeps a row's result independent of its company.
final class LatentAttention: Sendable {
  let shape: LatentAttentionShape
  /// [query or query compression | latent and rotary key] from the hidden row.
  let inputProjection: Linear
  /// Norm and expansion of the query compression.
  let queryNorm: Norm?
  let queryExpansion: PackedMatrix?
  let latentNorm: Norm
  let keyUp: [PackedPanels]  // one a head [rank, nope]
  let valueUp: [PackedPanels]  // one a head [value, rank]
  /// What keeps the panels in memory.
  private let matrices: [PackedMatrix]
  let output: Linear
  /// Softmax scale.
  let scale: Float
  let rotary: RotaryTable

  init(
    shape: LatentAttentionShape, inputProjection: Linear, queryNorm: Norm?, queryExpansion: PackedMatrix?,
    latentNorm: Norm, keyUp: [PackedMatrix], valueUp: [PackedMatrix], output: Linear, scale: Float,
    rotary: RotaryTable
  ) {
    self.shape = shape
    self.inputProjection = inputProjection
    self.queryNorm = queryNorm
    self.queryExpansion = queryExpansion
    self.latentNorm = latentNorm
    self.keyUp = keyUp.map(\.view)
    self.valueUp = valueUp.map(\.view)
    matrices = keyUp + valueUp
    self.output = output
    self.scale = scale
    self.rotary = rotary
  }

  /// See `Attention.apply`.
  func apply(
    _ context: ForwardContext, input: FloatRows, queries: IndexRows?, output target: FloatRows,
    accumulate: Bool, layer: Int
  ) {
    let worker = context.worker
    let rowCount = context.rows.count
    let queryCount = queries?.count ?? rowCount
    let projected = context.workspace.projected.view
    let heads = worker.share(of: shape.heads)
    let ownRows = cachedRows(context, layer: layer)
    if rowCount <= Workspace.fewRows { prefetchCache(context, rows: ownRows, layer: layer) }
    inputProjection.apply(
      context, input: input, output: projected, rowCount: rowCount,
      kernels: queryExpansion.map { context.kernels(before: $0.view) }
        ?? context.kernels.followed(by: keyUp[heads.lowerBound % shape.heads], panel: 0))
    worker.barrier()

    let latentOffset = shape.queryRank ?? shape.queryWidth
    for row in ownRows {
      cache(
        context, projected.columns(latentOffset..<latentOffset + shape.cacheWidth), row: row, layer: layer)
    }
    // Unless workers share the positions, a worker's heads need nothing of the others' up to the output projection but the
    // cache rows just written.
    let query = projected.columns(0..<latentOffset)
    if attendsInBlocks(context, queries: queries, count: queryCount, layer: layer) {
      attendInBlocks(context, query, queries: queries, count: queryCount, heads: heads, layer: layer)
    } else {
      attendAtOnce(context, query, queries: queries, count: queryCount, heads: heads, layer: layer)
      if queryCount == 0 { return }
    }
    worker.barrier()
    output.apply(
      context, input: context.workspace.attended.view, output: target, rowCount: queryCount,
      accumulate: accumulate)
    worker.barrier()
  }

  /// Queries, attention and the value up-projection of this worker's heads, each for all rows.
  private func attendAtOnce(
    _ context: ForwardContext, _ query: FloatRows, queries: IndexRows?, count: Int, heads: Range<Int>,
    layer: Int
  ) {
    if makesQueriesAlone(context, count: count) {
      context.worker.barrier {
        absorbAlone(context, query, queries: queries, count: count, heads: heads, layer: layer)
      }
    } else {
      let expanded = expandTogether(context, query, queries: queries, count: count)
      absorb(
        context, expanded.rows, queryIndex: expanded.index, queries: queries, ordinals: 0..<count,
        heads: heads, layer: layer)
    }
    if count > 0 { attend(context, queries: queries, count: count, heads: heads, layer: layer) }
  }

  /// The rows that this worker writes to the cache. Where neighbours share lines a few rows are one worker's.
  private func cachedRows(_ context: ForwardContext, layer: Int) -> Range<Int> {
    let count = context.rows.count
    guard count <= Workspace.fewRows, context.cache.latent(layer: layer, slot: 0) != nil else {
      return context.worker.share(of: count)
    }
    return context.worker.index == 0 ? 0..<count : 0..<0
  }

  /// Asks for the lines of the cache that this worker will write: nobody has read them lately.
  private func prefetchCache(_ context: ForwardContext, rows: Range<Int>, layer: Int) {
    for row in rows {
      context.cache.latent(layer: layer, slot: Int(context.rows.slots[row]))?
        .prefetch(position: Int(context.rows.positions[row]))
    }
  }

  /// Writes one row's normed latent and rotated key to its place in the cache.
  private func cache(_ context: ForwardContext, _ latent: FloatRows, row: Int, layer: Int) {
    let position = Int(context.rows.positions[row])
    let slot = Int(context.rows.slots[row])
    if let tiles = context.cache.latent(layer: layer, slot: slot) {
      let own = latent.columns(0..<shape.rank)
      latentNorm.apply(context.kernels, own, row: row, to: own, row: row)
      context.kernels.rotate(latent, row: row, offset: shape.rank, table: rotary, position: position)
      tiles.store(position: position, from: latent, row: row)
      return
    }
    let target = context.cache.positions(layer: layer, slot: slot)
    latent.copyRow(row, to: target, row: position)
    latentNorm.apply(
      context.kernels, latent.columns(0..<shape.rank), row: row, to: target.columns(0..<shape.rank),
      row: position)
    context.kernels.rotate(target, row: position, offset: shape.rank, table: rotary, position: position)
  }

  /// Attention over the cached latents and the value up-projection, for some heads.
  private func attend(
    _ context: ForwardContext, queries: IndexRows?, count: Int, heads: Range<Int>, layer: Int
  ) {
    let workspace = context.workspace
    let rank = shape.rank
    let absorbed = workspace.absorbed.view.columns(0..<shape.heads * shape.absorbedHead)
    let latent = workspace.latent.view.columns(0..<shape.heads * rank)
    if context.cache.latent(layer: layer, slot: 0) != nil {
      attendInTiles(context, absorbed, queries: queries, count: count, heads: heads, layer: layer, to: latent)
    } else if !heads.isEmpty {
      for ordinal in 0..<count {
        let row = queries.map { Int($0[ordinal]) } ?? ordinal
        context.kernels.latentAttention(
          query: absorbed.split(row: ordinal, into: shape.heads), heads: heads, rank: rank,
          cache: context.cache.positions(layer: layer, slot: Int(context.rows.slots[row])),
          length: Int(context.rows.positions[row]) + 1, scale: scale,
          output: latent.split(row: ordinal, into: shape.heads),
          scratch: workspace.attentionScratch.view, scratchRow: context.worker.index)
      }
    }
    expandValues(
      context, ordinals: 0..<count, heads: heads, last: context.kernels(before: output.weights.view))
  }

  /// The value up-projection of some heads for some ordinals, the last head's with kernels of its own.
  func expandValues(
    _ context: ForwardContext, ordinals: Range<Int>, heads: Range<Int>, last: KernelSet
  ) {
    let latent = context.workspace.latent.view.rows(ordinals)
    let attended = context.workspace.attended.view.rows(ordinals)
    for head in heads {
      let matrix = valueUp[head]
      let kernels =
        head + 1 < heads.upperBound ? context.kernels.followed(by: valueUp[head + 1], panel: 0) : last
      kernels.multiply(
        matrix, panels: 0..<matrix.panelCount,
        input: latent.columns(head * shape.rank..<(head + 1) * shape.rank),
        output: attended.columns(head * shape.value..<(head + 1) * shape.value), rowCount: ordinals.count)
    }
  }
}

extension KernelSet {
  /// Rotates one row by its position.
  func rotate(_ rows: FloatRows, row: Int, offset: Int, table: RotaryTable, position: Int) {
    guard table.pairCount > 0 else { return }
    rotate(
      rows, row: row, offset: offset, cosines: FloatVectorView(table.cosines.view, row: position),
      sines: FloatVectorView(table.sines.view, row: position), interleaved: table.interleaved)
  }
}
