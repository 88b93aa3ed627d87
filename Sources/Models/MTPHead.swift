import Tensors

/// A multi-token-prediction head (DeepSeek-V3, arXiv 2412.19437 §2.2). Head k (0 first) predicts the token at p + k + 2
/// from the hidden row p of the head before it and the token at p + k + 1.
///
/// u = projection [embeddingNorm(embedding(t_{p+k+1})), hiddenNorm(h_p)] (some families join the two the other way
/// round), one decoder layer with its own cache at position p, outputNorm, then the main model's output head. h_p is, for
/// the first head, the main model's hidden row after its final norm, else the row of the head before after its output
/// norm; drafting deeper than there are heads feeds the last head's own normed row back.
struct MTPHead: Sendable {
  let embeddingNorm: Norm
  let hiddenNorm: Norm
  let projection: PackedMatrix  // [hidden, 2 * hidden]
  /// Whether the projection's input is [hidden, embedding] instead of [embedding, hidden].
  let hiddenFirst: Bool
  let block: DecoderLayer
  let outputNorm: Norm
  /// The cache layer that belongs to this head.
  let cacheLayer: Int

  /// Runs the head on all rows of the step: every row fills the head's cache, the query rows go on to a normed hidden
  /// row in `workspace.draftHidden`, in query order, and some of them to logits in `workspace.draftLogits`.
  ///
  /// - Parameters:
  ///   - source: Hidden rows h; row r of the step uses source row `sourceIndex[r]`.
  ///   - queries: Rows of the step whose hidden rows are needed, ascending.
  ///   - outputs: Ordinals of the queries that need logits; nil for all.
  ///   - withConfidence: Whether probabilities of drafts will be asked for.
  func apply(
    _ context: ForwardContext, embedding: PackedMatrix, outputHead: PackedMatrix, source: FloatRows,
    sourceIndex: IndexRows, queries: IndexRows, outputs: IndexRows?, withConfidence: Bool
  ) {
    let worker = context.worker
    let workspace = context.workspace
    let rowCount = context.rows.count
    let width = projection.outputs
    let joined = workspace.concatenated.view
    let halves = (joined.columns(0..<width), joined.columns(width..<2 * width))
    let embedded = hiddenFirst ? halves.1 : halves.0
    let carried = hiddenFirst ? halves.0 : halves.1
    for row in worker.share(of: rowCount) {
      embedding.copyDequantizedRow(Int(context.rows.tokens[row]), to: embedded, row: row)
      embeddingNorm.apply(context.kernels, embedded, row: row, to: embedded, row: row)
      hiddenNorm.apply(context.kernels, source, row: Int(sourceIndex[row]), to: carried, row: row)
    }
    worker.barrier()
    let hidden = workspace.hidden.view
    context.kernels.multiply(
      projection.view, panels: worker.share(of: projection.panelCount), input: joined, output: hidden,
      rowCount: rowCount)
    worker.barrier()
    let residual = workspace.compactHidden.view
    block.apply(context, hidden: hidden, queries: queries, residual: residual, layer: cacheLayer)
    if queries.count == 0 { return }
    let normed = workspace.draftHidden.view
    for row in worker.share(of: queries.count) {
      outputNorm.apply(context.kernels, residual, row: row, to: normed, row: row)
    }
    worker.barrier()
    let panels = worker.share(of: outputHead.panelCount)
    let logits = workspace.draftLogits.view
    let outputCount = outputs?.count ?? queries.count
    context.kernels.multiply(
      outputHead.view, panels: panels, input: normed, inputIndex: outputs, output: logits,
      rowCount: outputCount)
    workspace.draftPeaks.record(
      logits, rowCount: outputCount, panels: panels, kernels: context.kernels, worker: worker.index,
      withSums: withConfidence)
    workspace.draftPeaks.draw(logits, rowCount: outputCount, worker: worker)
  }
}
