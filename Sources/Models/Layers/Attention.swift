import Tensors

/// The attention of a layer.
enum Attention: Sendable {
  case latent(LatentAttention)
  case grouped(GroupedAttention)

  /// Writes the cache rows of all rows of the step and computes the attention of the query rows.
  ///
  /// - Parameters:
  ///   - input: Normalised rows, one for each row of the step.
  ///   - queries: The rows that attend, ascending; nil for all.
  ///   - output: Receives the result of query ordinal i in row i.
  ///   - accumulate: Whether results are added to what stands in `output`.
  func apply(
    _ context: ForwardContext, input: FloatRows, queries: IndexRows?, output: FloatRows, accumulate: Bool,
    layer: Int
  ) {
    switch self {
    case .latent(let attention):
      attention.apply(
        context, input: input, queries: queries, output: output, accumulate: accumulate, layer: layer)
    case .grouped(let attention):
      attention.apply(
        context, input: input, queries: queries, output: output, accumulate: accumulate, layer: layer)
    }
  }
}
