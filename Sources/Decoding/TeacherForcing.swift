public import Models
public import Tensors

/// Runs given tokens through a model and hands out the logits of every position: for scoring, and for comparison with
/// other implementations.
public final class TeacherForcing {
  let model: DecoderModel
  let kernels: KernelSet
  private let pool: WorkerPool
  private let chunk: Int

  /// Plans passes of at most `rowsPerPass` tokens at a time.
  public init(model: DecoderModel, threadCount: Int, kernels: KernelSet = .best, rowsPerPass: Int = 64) {
    self.model = model
    self.kernels = kernels
    pool = WorkerPool(threadCount: threadCount, bindsThreads: false)
    chunk = rowsPerPass
  }

  /// Runs the tokens.
  ///
  /// - Parameters:
  ///   - tokens: Ids within the vocabulary, at least one.
  ///   - mainLogits: Called for each position p in order with a row [vocabulary] that predicts token p + 1.
  ///   - mtpLogits: Called for each MTP head k (0 first) and each position p whose token p + k + 1 is given, by head in
  ///     order of position, with a row [vocabulary] that predicts token p + k + 2.
  public func run(
    _ tokens: [Int32], mainLogits: (_ position: Int, _ logits: FloatRows, _ row: Int) -> Void,
    mtpLogits: (_ head: Int, _ position: Int, _ logits: FloatRows, _ row: Int) -> Void = { _, _, _, _ in }
  ) throws(RequestError) {
    try GenerationRequest(promptTokens: tokens, maximumTokens: 1).validate(
      vocabularySize: model.description.vocabularySize, context: tokens.count + 1,
      mtpHeadCount: model.mtpHeadCount)
    guard tokens.count <= model.contextCapacity else {
      throw .promptTooLong(tokens: tokens.count, context: model.contextCapacity)
    }
    let cache = model.makeCache(slotCount: 1, capacity: tokens.count)
    let workspace = model.makeWorkspace(
      maximumRows: chunk, maximumOutputRows: chunk, workerCount: pool.threadCount)
    let rows = StepRows(capacity: chunk)
    let outputs = IndexList(capacity: chunk)
    for start in stride(from: 0, to: tokens.count, by: chunk) {
      rows.removeAll()
      outputs.removeAll()
      for position in start..<min(start + chunk, tokens.count) {
        outputs.append(Int32(truncatingIfNeeded: rows.count))
        rows.append(token: tokens[position], position: position, slot: 0)
      }
      model.forward(rows, outputs: outputs, cache: cache, workspace: workspace, pool: pool, kernels: kernels)
      for row in 0..<rows.count { mainLogits(start + row, workspace.logits.view, row) }
      for head in 0..<model.mtpHeadCount {
        // All tokens are known, so that each head takes a prefix of the rows of the one before it.
        rows.removeAll()
        outputs.removeAll()
        let end = min(start + chunk, tokens.count - 1 - head)
        for position in start..<max(start, end) {
          outputs.append(Int32(truncatingIfNeeded: rows.count))
          rows.append(token: tokens[position + head + 1], position: position, slot: 0)
        }
        model.draft(
          head: head, rows, source: head == 0 ? .mainModel : .previousDraft, sourceIndex: outputs,
          queries: outputs, cache: cache, workspace: workspace, pool: pool, kernels: kernels)
        for row in 0..<rows.count { mtpLogits(head, start + row, workspace.draftLogits.view, row) }
      }
    }
  }
}
