public import Tensors

/// The widths that decide how large a model's working buffers are, in floats a row.
struct WorkspaceWidths: Sendable {
  var hidden = 0
  var vocabulary = 0
  /// Attention's first projection (queries or their compression, and the latent with its rotary key).
  var projected = 0
  /// The queries' compression in latent attention, where there is one.
  var queryRank = 0
  /// All query heads.
  var query = 0
  /// All query heads after absorption of the key up-projection.
  var absorbed = 0
  /// All heads' attended latents.
  var latent = 0
  /// All heads' values.
  var attended = 0
  var heads = 0
  /// One head of grouped-query attention.
  var groupedHead = 0
  /// Latent and rotary key of latent attention.
  var latentRank = 0
  var latentRope = 0
  /// Dense or shared feed-forward width.
  var feedForward = 0
  /// One routed expert's width.
  var expert = 0
  var expertCount = 0
  var expertsPerToken = 0
  /// Outputs of a router: its experts, and one more where it gates the shared expert.
  var routerOutputs = 0
  /// The hidden width where layers normalise what they add to the residual stream, else 0.
  var branch = 0

  /// The widths that fit both.
  func union(_ other: WorkspaceWidths) -> WorkspaceWidths {
    WorkspaceWidths(
      hidden: max(hidden, other.hidden), vocabulary: max(vocabulary, other.vocabulary),
      projected: max(projected, other.projected), queryRank: max(queryRank, other.queryRank),
      query: max(query, other.query),
      absorbed: max(absorbed, other.absorbed), latent: max(latent, other.latent),
      attended: max(attended, other.attended), heads: max(heads, other.heads),
      groupedHead: max(groupedHead, other.groupedHead),
      latentRank: max(latentRank, other.latentRank), latentRope: max(latentRope, other.latentRope),
      feedForward: max(feedForward, other.feedForward), expert: max(expert, other.expert),
      expertCount: max(expertCount, other.expertCount),
      expertsPerToken: max(expertsPerToken, other.expertsPerToken),
      routerOutputs: max(routerOutputs, other.routerOutputs), branch: max(branch, other.branch))
  }
}

/// Every buffer that forward passes use, planned once for a number of rows and workers, so that a step allocates
/// nothing. One forward at a time may use a workspace.
public final class Workspace: @unchecked Sendable {
  // Sendable: within a forward the workers write disjoint parts, ordered by barriers; between forwards one thread owns it.

  /// Rows a forward may have.
  public let maximumRows: Int
  /// Rows a forward may return logits for.
  public let maximumOutputRows: Int
  /// Hidden rows of the main model after the final norm, [maximumRows + stash rows, hidden].
  public let finalHidden: FloatMatrix
  /// Logits of the main model's output rows, [maximumOutputRows, vocabulary].
  public let logits: FloatMatrix
  /// Hidden rows of the last MTP pass after its norm, in query order, [maximumOutputRows, hidden]; with several heads
  /// [maximumRows + stash rows of each head but the last, hidden], because the next head needs them all.
  public let draftHidden: FloatMatrix
  /// Logits of the last MTP pass, in query order, [maximumOutputRows, vocabulary].
  public let draftLogits: FloatMatrix
  /// Where the rows of logits are greatest.
  public let peaks: LogitPeaks
  /// Where the rows of the MTP heads' logits are greatest.
  public let draftPeaks: LogitPeaks

  /// The routed experts that the last pass (main model or MTP head) read; worker 0 counts.
  public internal(set) var expertReads = ExpertReads()

  let hidden: FloatMatrix  // the residual stream [rows, hidden]
  let compactHidden: FloatMatrix  // the residual stream of an MTP pass's query rows [query rows, hidden]
  let normalized: FloatMatrix  // [rows, hidden]
  let privateNormalized: [FloatMatrix]  // one a worker, [fewRows, hidden]
  let branch: FloatMatrix  // what a layer adds, before its norm [rows, hidden]; one column where unused
  let concatenated: FloatMatrix  // MTP input [rows, 2 * hidden]
  let projected: FloatMatrix
  let privateQueries: [FloatMatrix]  // one a worker: normalised [fewRows, query rank]
  let query: FloatMatrix
  let absorbed: FloatMatrix
  let latent: FloatMatrix
  let attended: FloatMatrix
  let attentionScratch: FloatMatrix  // [workers, scratch of the kernels]
  let spanRecords: FloatMatrix  // [1, floats]: what spans of positions leave of rows and heads
  let feedForward: FloatMatrix  // [rows, feed-forward width]
  let expertHidden: FloatMatrix  // [rows * experts per token, expert width]
  let preparedInput: PreparedRows  // of routed experts, [rows, hidden]
  let preparedHidden: PreparedRows  // `expertHidden` for the down projections
  let routerLogits: FloatMatrix  // [rows, router outputs]
  let selection: ExpertSelection
  let privateSelections: [ExpertSelection]  // one a worker
  let groups: [ExpertGroups]  // one a worker
  private let kernelScratch: [KernelScratch]  // one a worker

  /// Up to this many rows each worker normalises and routes all rows by itself, which saves barriers; beyond it the rows
  /// are shared out. Both ways give the same bits.
  static let fewRows = 8

  init(
    widths: WorkspaceWidths, maximumRows: Int, maximumOutputRows: Int, stashRows: Int, headCount: Int,
    workerCount: Int
  ) {
    self.maximumRows = maximumRows
    self.maximumOutputRows = maximumOutputRows
    func matrix(_ columns: Int, rows: Int = maximumRows) -> FloatMatrix {
      FloatMatrix(rows: max(rows, 1), columns: max(columns, 1))
    }
    func perWorker<Value>(_ make: () -> Value) -> [Value] { (0..<workerCount).map { _ in make() } }
    finalHidden = matrix(widths.hidden, rows: maximumRows + stashRows)
    logits = matrix(widths.vocabulary, rows: maximumOutputRows)
    let queryRows = headCount > 1 ? maximumRows : maximumOutputRows
    draftHidden = matrix(
      widths.hidden, rows: headCount > 1 ? maximumRows + (headCount - 1) * stashRows : queryRows)
    draftLogits = matrix(widths.vocabulary, rows: maximumOutputRows)
    func peaks() -> LogitPeaks {
      LogitPeaks(rows: maximumOutputRows, vocabulary: widths.vocabulary, workerCount: workerCount)
    }
    self.peaks = peaks()
    draftPeaks = peaks()
    hidden = matrix(widths.hidden)
    compactHidden = matrix(widths.hidden, rows: queryRows)
    normalized = matrix(widths.hidden)
    privateNormalized = perWorker { matrix(widths.hidden, rows: Self.fewRows) }
    branch = matrix(widths.branch)
    concatenated = matrix(2 * widths.hidden)
    projected = matrix(widths.projected)
    privateQueries = perWorker { matrix(widths.queryRank, rows: Self.fewRows) }
    query = matrix(widths.query)
    absorbed = matrix(widths.absorbed)
    latent = matrix(widths.latent)
    attended = matrix(widths.attended)
    let scratch = max(
      KernelSet.latentTilesScratchCount(rank: widths.latentRank, rope: widths.latentRope),
      KernelSet.latentAttentionScratchCount(heads: widths.heads),
      KernelSet.groupedAttentionScratchCount(width: widths.groupedHead))
    attentionScratch = matrix(scratch, rows: workerCount)
    spanRecords = matrix(Self.spanRecordFloats, rows: 1)
    feedForward = matrix(widths.feedForward)
    let pairs = maximumRows * max(widths.expertsPerToken, 1)
    expertHidden = matrix(widths.expert, rows: pairs)
    let isMixture = widths.expert > 0
    preparedInput = PreparedRows(rowCount: isMixture ? maximumRows : 0, inputs: isMixture ? widths.hidden : 0)
    preparedHidden = PreparedRows(rowCount: isMixture ? pairs : 0, inputs: widths.expert)
    routerLogits = matrix(widths.routerOutputs)
    func selection(rows: Int) -> ExpertSelection {
      ExpertSelection(
        rows: rows, expertsPerToken: max(widths.expertsPerToken, 1), outputs: max(widths.routerOutputs, 1))
    }
    self.selection = selection(rows: maximumRows)
    privateSelections = perWorker { selection(rows: Self.fewRows) }
    groups = perWorker { ExpertGroups(pairs: pairs, experts: max(widths.expertCount, 1)) }
    let inputs = [
      2 * widths.hidden, widths.projected, widths.query, widths.absorbed, widths.latent, widths.attended,
      widths.feedForward, widths.expert,
    ]
    let scratchRows = (min(maximumRows, Self.scratchRows) + 31) / 32 * 32
    kernelScratch = perWorker { KernelScratch(inputs: inputs.max() ?? 1, rowCount: scratchRows) }
  }

  /// Room for the records of spans; touched only as far as long sequences need it.
  private static let spanRecordFloats = 1 << 21

  /// Rows of a product that are laid out for the kernels at a time.
  private static let scratchRows = 256

  /// A kernel set that works in a worker's scratch; the workspace must outlive it.
  func kernels(_ set: KernelSet, for worker: Worker) -> KernelSet { set.using(kernelScratch[worker.index]) }
}

/// How many routed experts a pass read.
public struct ExpertReads: Sendable, Equatable {
  /// Layers with routed experts.
  public var layers = 0
  /// Distinct experts that any row chose, summed over those layers.
  public var experts = 0
  /// Distinct experts of a layer on average; nil without such layers.
  public var perLayer: Double? { layers == 0 ? nil : Double(experts) / Double(layers) }

  mutating func add(distinct: Int) {
    layers += 1
    experts += distinct
  }
}

extension Workspace {
  /// The rows that an MTP pass can take its hidden rows from.
  func hiddenRows(_ source: DecoderModel.DraftSource) -> FloatRows {
    source == .mainModel ? finalHidden.view : draftHidden.view
  }

  /// Where the stash's row `place` stands among the hidden rows of its source.
  public func stashedRow(at place: Int) -> Int { maximumRows + place }

  /// Keeps a hidden row of the last forward of the main model or of the last MTP pass, for an MTP pass in a later step.
  public func stashHidden(_ source: DecoderModel.DraftSource, row: Int, at place: Int) {
    let rows = hiddenRows(source)
    rows.copyRow(row, to: rows, row: stashedRow(at: place))
  }
}

/// What every layer of one forward needs: who computes, on what rows, into which buffers.
struct ForwardContext {
  let kernels: KernelSet
  let worker: Worker
  let rows: StepRows
  let cache: KeyValueCache
  let workspace: Workspace

  /// RMSNorm of rows 0 ..< count of `source`. Each worker sees all rows of the result: few rows are normalised by every
  /// worker privately, more are shared out with a barrier.
  func normalize(_ source: FloatRows, count: Int, norm: Norm) -> FloatRows {
    if count <= Workspace.fewRows || worker.count == 1 {
      let target =
        count <= Workspace.fewRows
        ? workspace.privateNormalized[worker.index].view : workspace.normalized.view
      for row in 0..<count { norm.apply(kernels, source, row: row, to: target, row: row) }
      return target
    }
    let target = workspace.normalized.view
    for row in worker.share(of: count) { norm.apply(kernels, source, row: row, to: target, row: row) }
    worker.barrier()
    return target
  }

  /// Adds norm(source) to rows 0 ..< count of `target`; `source` is overwritten. Ends with a barrier.
  func add(_ source: FloatRows, count: Int, norm: Norm, to target: FloatRows) {
    for row in worker.share(of: count) {
      norm.apply(kernels, source, row: row, to: source, row: row)
      source.addRow(row, to: target, row: row)
    }
    worker.barrier()
  }
}
