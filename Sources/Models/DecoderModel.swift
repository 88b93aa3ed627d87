public import Tensors

/// A loaded decoder-only language model with its multi-token-prediction heads. Immutable; any number of engines may share it.
public final class DecoderModel: Sendable {
  /// What the model is: names, sizes, context.
  public let description: ModelDescription
  /// Positions that the model was prepared for when it was loaded; at most the configuration's.
  public let contextCapacity: Int
  let embedding: PackedMatrix  // [vocabulary, hidden]
  let layers: [DecoderLayer]
  let finalNorm: Norm
  let outputHead: PackedMatrix  // [vocabulary, hidden]
  let draftHead: PackedMatrix?  // a narrower copy of it for drafts
  let mtpHeads: [MTPHead]
  private let widths: WorkspaceWidths
  /// How keys and values are asked to be held.
  public let cacheFormat: CacheFormat
  /// What share of the bytes of their format the weights take: less than 1 where they are compact.
  public let heldShare: Double
  /// Whether matrices of the model's format are held in fewer bits than that has, without loss.
  public let hasCompactWeights: Bool
  /// Whether the weights come from memory in every step. Then work between barriers is long enough to tell faster workers from
  /// slower ones, which take less of it.
  private let readsFromMemory: Bool
  /// Bytes of weights that no cache holds.
  static let uncachedBytes = 100 << 20

  init(
    description: ModelDescription, contextCapacity: Int, embedding: PackedMatrix, layers: [DecoderLayer],
    finalNorm: Norm,
    outputHead: PackedMatrix, mtpHeads: [MTPHead], widths: WorkspaceWidths,
    heldShare: Double, hasCompactWeights: Bool, readsFromMemory: Bool
  ) {
    self.description = description
    self.contextCapacity = contextCapacity
    self.embedding = embedding
    self.layers = layers
    self.finalNorm = finalNorm
    self.outputHead = outputHead
    draftHead = nil
    cacheFormat = .automatic
    self.mtpHeads = mtpHeads
    self.widths = widths
    self.heldShare = heldShare
    self.hasCompactWeights = hasCompactWeights
    self.readsFromMemory = readsFromMemory
  }

  /// The same model with another head for drafts, or with its cache held otherwise.
  init(_ model: DecoderModel, draftHead: PackedMatrix?, cacheFormat: CacheFormat) {
    description = model.description
    contextCapacity = model.contextCapacity
    embedding = model.embedding
    layers = model.layers
    finalNorm = model.finalNorm
    outputHead = model.outputHead
    self.draftHead = draftHead
    self.cacheFormat = cacheFormat
    mtpHeads = model.mtpHeads
    widths = model.widths
    heldShare = model.heldShare
    hasCompactWeights = model.hasCompactWeights
    readsFromMemory = model.readsFromMemory
  }

  /// Number of multi-token-prediction heads.
  public var mtpHeadCount: Int { mtpHeads.count }

  /// Plans the buffers for forwards of at most `maximumRows` rows and `maximumOutputRows` rows of logits.
  /// `stashRows` hidden rows of the main model, and of each MTP head that another one follows, can be kept for later
  /// MTP passes.
  public func makeWorkspace(
    maximumRows: Int, maximumOutputRows: Int, stashRows: Int = 0, workerCount: Int
  ) -> Workspace {
    Workspace(
      widths: widths, maximumRows: maximumRows, maximumOutputRows: maximumOutputRows, stashRows: stashRows,
      headCount: mtpHeads.count, workerCount: workerCount)
  }

  /// What kind of run a forward is.
  private func workKind(_ rows: StepRows) -> WorkKind? {
    readsFromMemory ? rows.count <= Workspace.fewRows ? .fewRows : .manyRows : nil
  }

  /// Runs the main model on the rows. Afterwards `workspace.logits` row i holds the logits of row `outputs[i]`, which ascend,
  /// and `workspace.finalHidden` row r the hidden row r after the final norm.
  ///
  /// - Parameter keepsHidden: Whether all hidden rows will be asked for, as an MTP head does. Without, rows of the last layer
  ///   that no output needs fill its cache alone, and `workspace.finalHidden` row i is that of `outputs[i]` if they are fewer than
  ///   the rows.
  public func forward(
    _ rows: StepRows, outputs: IndexList, keepsHidden: Bool = true, cache: KeyValueCache,
    workspace: Workspace, pool: WorkerPool, kernels: KernelSet
  ) {
    guard rows.count > 0 else { return }
    workspace.expertReads = ExpertReads()
    // The rows of the last layer that are needed, if those are not all.
    let needed = keepsHidden || layers.isEmpty || outputs.count >= rows.count ? nil : outputs.view
    pool.run(weighing: workKind(rows)) { worker in
      let kernels = workspace.kernels(kernels, for: worker).readingFromMemory(readsFromMemory)
      let context = ForwardContext(
        kernels: kernels, worker: worker, rows: rows, cache: cache, workspace: workspace)
      let hidden = workspace.hidden.view
      for row in worker.share(of: rows.count) {
        embedding.copyDequantizedRow(Int(rows.tokens[row]), to: hidden, row: row)
      }
      worker.barrier()
      let whole = needed == nil ? layers.count : layers.count - 1
      for index in 0..<whole { layers[index].apply(context, hidden: hidden, layer: index) }
      let residual = needed == nil ? hidden : workspace.compactHidden.view
      if let needed {
        layers[whole].apply(context, hidden: hidden, queries: needed, residual: residual, layer: whole)
        if needed.count == 0 { return }
      }
      let normed = workspace.finalHidden.view
      for row in worker.share(of: needed?.count ?? rows.count) {
        finalNorm.apply(kernels, residual, row: row, to: normed, row: row)
      }
      worker.barrier()
      let panels = worker.share(of: outputHead.panelCount)
      let logits = workspace.logits.view
      kernels.multiply(
        outputHead.view, panels: panels, input: normed, inputIndex: needed == nil ? outputs.view : nil,
        output: logits, rowCount: outputs.count)
      workspace.peaks.record(
        logits, rowCount: outputs.count, panels: panels, kernels: kernels, worker: worker.index,
        withSums: false)
      workspace.peaks.draw(logits, rowCount: outputs.count, worker: worker)
    }
  }

  /// Where an MTP pass takes its hidden rows from.
  public enum DraftSource: Sendable {
    /// The main model's last forward.
    case mainModel
    /// The previous MTP pass: of the head before, or of the same head for drafting deeper than there are heads.
    case previousDraft
  }

  /// Runs MTP head `head` on the rows: row r holds the token at position(r) + head + 1 and takes the hidden row
  /// `sourceIndex[r]` of `source`. Every row fills the head's cache; `workspace.draftHidden` gets one row for each of
  /// `queries` (indices of rows, ascending), `workspace.draftLogits` one for each of `outputs` (ordinals of queries; nil for
  /// all of them). With `isDraft` the logits come from the head that drafts are read from, which may be a narrower copy;
  /// `withConfidence` prepares `workspace.draftPeaks` for probabilities.
  public func draft(
    head: Int, _ rows: StepRows, source: DraftSource, sourceIndex: IndexList, queries: IndexList,
    outputs: IndexList? = nil, isDraft: Bool = false, withConfidence: Bool = false, cache: KeyValueCache,
    workspace: Workspace,
    pool: WorkerPool,
    kernels: KernelSet
  ) {
    guard rows.count > 0 else { return }
    workspace.expertReads = ExpertReads()
    let mtpHead = mtpHeads[head]
    let hidden = workspace.hiddenRows(source)
    let outputHead = isDraft ? draftHead ?? self.outputHead : self.outputHead
    pool.run(weighing: workKind(rows)) { worker in
      let context = ForwardContext(
        kernels: workspace.kernels(kernels, for: worker).readingFromMemory(readsFromMemory), worker: worker,
        rows: rows, cache: cache, workspace: workspace)
      mtpHead.apply(
        context, embedding: embedding, outputHead: outputHead, source: hidden, sourceIndex: sourceIndex.view,
        queries: queries.view, outputs: outputs?.view, withConfidence: withConfidence)
    }
  }
}
