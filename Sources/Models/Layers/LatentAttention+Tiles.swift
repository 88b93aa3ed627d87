import Tensors

// Attention over latents in tiles, shared out by heads or, where few rows see much, by positions.
extension LatentAttention {
  /// Attention of all rows, of this worker's heads on return.
  func attendInTiles(
    _ context: ForwardContext, _ absorbed: FloatRows, queries: IndexRows?, count: Int, heads: Range<Int>,
    layer: Int, to latent: FloatRows
  ) {
    let rows = StepQueries(context: context, query: absorbed, index: queries, count: count, window: nil)
    let scratch = context.workspace.attentionScratch.view
    let worker = context.worker
    if let split = SpanSplit(rows, heads: shape.heads, groups: 1, width: shape.rank) {
      worker.barrier()  // for the queries of other workers' heads
      split.forEachUnit { unit, next in
        guard let cache = context.cache.latent(layer: layer, slot: unit.slot) else { return }
        let kernels: KernelSet
        if let next, let following = context.cache.latent(layer: layer, slot: next.slot) {
          kernels = context.kernels.followed(by: following, position: next.span * KernelSet.attentionSpan)
        } else {
          kernels = self.kernels(
            context, attendingFor: count, queries, count: count, heads: heads, layer: layer)
        }
        kernels.latentAttention(
          unit.rows, heads: unit.heads, span: unit.span, spanCount: split.spanCount, cache: cache,
          scale: scale,
          records: split.records, scratch: scratch, scratchRow: worker.index)
      }
      worker.barrier()
      for ordinal in 0..<count {
        for head in heads { split.join(ordinal: ordinal, head: head, to: latent) }
      }
      return
    }
    if heads.isEmpty { return }
    rows.forEachSequence { slot, attending in
      guard let cache = context.cache.latent(layer: layer, slot: slot) else { return }
      let kernels = kernels(
        context, attendingFor: attending.ordinals.upperBound, queries, count: count, heads: heads,
        layer: layer)
      kernels.latentAttention(
        attending, heads: heads, cache: cache, scale: scale, output: latent, scratch: scratch,
        scratchRow: worker.index)
    }
  }

  /// The kernels for work after which this worker attends for query `ordinal` and those behind it, or, if there are none, expands
  /// its heads' values.
  func kernels(
    _ context: ForwardContext, attendingFor ordinal: Int, _ queries: IndexRows?, count: Int,
    heads: Range<Int>,
    layer: Int
  ) -> KernelSet {
    if ordinal < count {
      let row = queries.map { Int($0[ordinal]) } ?? ordinal
      // Of longer sequences the workers may share the positions, and this one begin elsewhere.
      if Int(context.rows.positions[row]) < KernelSet.attentionSpan,
        let cache = context.cache.latent(layer: layer, slot: Int(context.rows.slots[row]))
      {
        return context.kernels.followed(by: cache)
      }
    }
    if heads.isEmpty { return context.kernels(before: output.weights.view) }
    return context.kernels.followed(by: valueUp[heads.lowerBound], panel: 0)
  }
}
