import Tensors

/// A pre-norm transformer layer: attention, then a feed-forward unit, each added to the residual stream. With sandwich
/// norm (Pangu Ultra, arXiv 2504.07866) each of the two is normalised once more before it is added.
///
/// Layers and their parts are classes: a copied value would count a reference for each of its matrices, in every step and
/// by all workers at once.
final class DecoderLayer: Sendable {
  enum FeedForward: Sendable {
    case dense(GatedFeedForward)
    case mixture(MixtureOfExperts)
  }

  let attentionNorm: Norm
  let attention: Attention
  /// Norm of the attention's result; nil without sandwich norm.
  let attentionOutputNorm: Norm?
  let feedForwardNorm: Norm
  let feedForward: FeedForward
  /// Norm of the feed-forward unit's result; nil without sandwich norm.
  let feedForwardOutputNorm: Norm?

  init(
    attentionNorm: Norm, attention: Attention, attentionOutputNorm: Norm?, feedForwardNorm: Norm,
    feedForward: FeedForward, feedForwardOutputNorm: Norm?
  ) {
    self.attentionNorm = attentionNorm
    self.attention = attention
    self.attentionOutputNorm = attentionOutputNorm
    self.feedForwardNorm = feedForwardNorm
    self.feedForward = feedForward
    self.feedForwardOutputNorm = feedForwardOutputNorm
  }

  /// Runs the layer on all rows of the step, in place.
  func apply(_ context: ForwardContext, hidden: FloatRows, layer: Int) {
    let count = context.rows.count
    let input = context.normalize(hidden, count: count, norm: attentionNorm)
    applyAttention(context, input: input, queries: nil, residual: hidden, rowCount: count, layer: layer)
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
    applyAttention(
      context, input: input, queries: queries, residual: residual, rowCount: queries.count, layer: layer)
    if queries.count == 0 { return }
    applyFeedForward(context, residual: residual, rowCount: queries.count)
  }

  private func applyAttention(
    _ context: ForwardContext, input: FloatRows, queries: IndexRows?, residual: FloatRows, rowCount: Int,
    layer: Int
  ) {
    guard let attentionOutputNorm else {
      attention.apply(
        context, input: input, queries: queries, output: residual, accumulate: true, layer: layer)
      return
    }
    let branch = context.workspace.branch.view
    attention.apply(context, input: input, queries: queries, output: branch, accumulate: false, layer: layer)
    context.add(branch, count: rowCount, norm: attentionOutputNorm, to: residual)
  }

  private func applyFeedForward(_ context: ForwardContext, residual: FloatRows, rowCount: Int) {
    let output = feedForwardOutputNorm == nil ? residual : context.workspace.branch.view
    let accumulate = feedForwardOutputNorm == nil
    switch feedForward {
    case .dense(let unit):
      unit.apply(
        context, residual: residual, rowCount: rowCount, norm: feedForwardNorm, output: output,
        accumulate: accumulate)
    case .mixture(let mixture):
      mixture.apply(
        context, residual: residual, rowCount: rowCount, norm: feedForwardNorm, output: output,
        accumulate: accumulate)
    }
    if let feedForwardOutputNorm {
      context.add(output, count: rowCount, norm: feedForwardOutputNorm, to: residual)
    }
  }
}
