import Tensors

/// A pre-norm transformer layer: attention, then a feed-forward unit, each added to the residual stream.
struct DecoderLayer: Sendable {
  enum FeedForward: Sendable {
    case dense(GatedFeedForward)
    case mixture(MixtureOfExperts)
  }

  let attentionNorm: Norm
  let attention: LatentAttention
  let feedForwardNorm: Norm
  let feedForward: FeedForward

  /// Runs the layer on all rows of the step, in place.
  func apply(_ context: ForwardContext, hidden: FloatRows, layer: Int) {
    let count = context.rows.count
    let input = context.normalize(hidden, count: count, norm: attentionNorm)
    attention.apply(context, input: input, queries: nil, residual: hidden, layer: layer)
    applyFeedForward(context, residual: hidden, rowCount: count)
  }

  /// Fills the cache for all rows of the step, and runs the rest of the layer for the query rows alone: query ordinal i
  /// ends up in row i of `residual`, which must not overlap `hidden`.
  func apply(
    _ context: ForwardContext, hidden: FloatRows, queries: IndexRows, residual: FloatRows, layer: Int
  ) {
    let input = context.normalize(hidden, count: context.rows.count, norm: attentionNorm)
    for ordinal in context.worker.share(of: queries.count) {
      hidden.copyRow(Int(queries[ordinal]), to: residual, row: ordinal)
    }
    attention.apply(context, input: input, queries: queries, residual: residual, layer: layer)
    if queries.count == 0 { return }
    applyFeedForward(context, residual: residual, rowCount: queries.count)
  }

  private func applyFeedForward(_ context: ForwardContext, residual: FloatRows, rowCount: Int) {
    switch feedForward {
    case .dense(let unit): unit.apply(context, residual: residual, rowCount: rowCount, norm: feedForwardNorm)
    case .mixture(let mixture):
      mixture.apply(context, residual: residual, rowCount: rowCount, norm: feedForwardNorm)
    }
  }
}
