import Tensors

// Attention of a prompt's rows over latents in tiles, block by block.
extension LatentAttention {
  /// Rows and heads of a block: absorbed queries and latent results of as many stay in the second-level cache from their making to
  /// their use, and weights are still read for many rows.
  private static let blockRows = 32, blockHeads = 4

  /// Whether rows go block by block: where sequences have many each, and no tiles of their own want more of them at once, and
  /// workers do not share positions.
  func attendsInBlocks(_ context: ForwardContext, queries: IndexRows?, count: Int, layer: Int) -> Bool {
    guard count > Self.blockRows, !context.kernels.multipliesBlocks,
      context.cache.latent(layer: layer, slot: 0) != nil
    else { return false }
    let rows = StepQueries(
      context: context, query: context.workspace.absorbed.view, index: queries, count: count, window: nil)
    // A few rows of each of many sequences would have every cache read for each block of heads.
    var sequenceCount = 0
    rows.forEachSequence { _, _ in sequenceCount += 1 }
    if count < Self.blockRows * sequenceCount { return false }
    return SpanSplit(rows, heads: shape.heads, groups: 1, width: shape.rank) == nil
  }

  /// Queries, attention and the value up-projection of this worker's heads.
  func attendInBlocks(
    _ context: ForwardContext, _ query: FloatRows, queries: IndexRows?, count: Int, heads: Range<Int>,
    layer: Int
  ) {
    let expanded = expandTogether(context, query, queries: queries, count: count)
    let absorbed = context.workspace.absorbed.view.columns(0..<shape.heads * shape.absorbedHead)
    let latent = context.workspace.latent.view.columns(0..<shape.heads * shape.rank)
    let rows = StepQueries(context: context, query: absorbed, index: queries, count: count, window: nil)
    for head in stride(from: heads.lowerBound, to: heads.upperBound, by: Self.blockHeads) {
      let heads = head..<min(head + Self.blockHeads, heads.upperBound)
      for ordinal in stride(from: 0, to: count, by: Self.blockRows) {
        let ordinals = ordinal..<min(ordinal + Self.blockRows, count)
        absorb(
          context, expanded.rows, queryIndex: expanded.index, queries: queries, ordinals: ordinals,
          heads: heads, layer: layer)
        rows.forEachSequence(ordinals) { slot, attending in
          guard let cache = context.cache.latent(layer: layer, slot: slot) else { return }
          context.kernels.latentAttention(
            attending, heads: heads, cache: cache, scale: scale, output: latent,
            scratch: context.workspace.attentionScratch.view, scratchRow: context.worker.index)
        }
        expandValues(context, ordinals: ordinals, heads: heads, last: context.kernels)
      }
    }
  }
}
