import Tensors

// Attention over latents in tiles, shared out by heads or, where few rows see much, by positions.
extension LatentAttention {
  /// Attention of all rows, of this worker's heads on return.
  func attendInTiles(
    _ context: ForwardContext, _ absorbed: FloatRows, queries: IndexRows?, count: Int, heads: Range<Int>,
    layer: Int, to latent: FloatRows
  ) {
    let rows = TiledRows(context, absorbed, queries: queries, count: count, layer: layer)
    if let split = SpanSplit(rows, heads: shape.heads, rank: shape.rank) {
      attend(rows, split)
      context.worker.barrier()
      join(rows, split, heads: heads, to: latent)
      return
    }
    if heads.isEmpty { return }
    rows.forEachSequence { cache, attending in
      context.kernels.latentAttention(
        attending, heads: heads, cache: cache, scale: scale, output: latent,
        scratch: context.workspace.attentionScratch.view, scratchRow: context.worker.index)
    }
  }

  /// Writes this worker's share of the records, span by span, so that no two workers read the same positions.
  private func attend(_ rows: TiledRows, _ split: SpanSplit) {
    let context = rows.context
    var begin = 0
    rows.forEachSequence { cache, attending in
      let units = rows.spans(attending.ordinals) * split.partCount
      let own = split.units.clamped(to: begin..<begin + units)
      for unit in own {
        let span = (unit - begin) / split.partCount
        let part = (unit - begin) % split.partCount
        context.kernels.latentAttention(
          attending, heads: shape.heads * part / split.partCount..<shape.heads * (part + 1) / split.partCount,
          span: span, spanCount: split.spanCount, cache: cache, scale: scale, records: split.records,
          scratch: context.workspace.attentionScratch.view, scratchRow: context.worker.index)
      }
      begin += units
    }
  }

  private func join(_ rows: TiledRows, _ split: SpanSplit, heads: Range<Int>, to latent: FloatRows) {
    let context = rows.context
    for ordinal in 0..<rows.count {
      let count = rows.spans(ordinal..<ordinal + 1)
      for head in heads {
        context.kernels.joinLatentSpans(
          split.records, ordinal: ordinal, head: head, count: count, spanCount: split.spanCount,
          rank: shape.rank, output: latent, scratch: context.workspace.attentionScratch.view,
          scratchRow: context.worker.index)
      }
    }
  }
}

/// The rows of a step that attend to latents in tiles.
struct TiledRows {
  let context: ForwardContext
  let count: Int
  private let absorbed: FloatRows
  private let queries: IndexRows?
  private let layer: Int

  init(_ context: ForwardContext, _ absorbed: FloatRows, queries: IndexRows?, count: Int, layer: Int) {
    self.context = context
    self.absorbed = absorbed
    self.queries = queries
    self.count = count
    self.layer = layer
  }

  private func row(_ ordinal: Int) -> Int { queries.map { Int($0[ordinal]) } ?? ordinal }

  private func slot(_ ordinal: Int) -> Int { Int(context.rows.slots[row(ordinal)]) }

  /// Spans of positions that some rows of one sequence see.
  func spans(_ ordinals: Range<Int>) -> Int {
    var last = 0
    for ordinal in ordinals { last = max(last, Int(context.rows.positions[row(ordinal)])) }
    return last / KernelSet.attentionSpan + 1
  }

  /// Calls `body` with each run of rows of one sequence, and its cache.
  func forEachSequence(_ body: (LatentCache, AttendingRows) -> Void) {
    var begin = 0
    while begin < count {
      let own = slot(begin)
      var end = begin + 1
      while end < count, slot(end) == own { end += 1 }
      if let cache = context.cache.latent(layer: layer, slot: own) {
        body(
          cache,
          AttendingRows(
            query: absorbed, positions: context.rows.positions.view, index: queries, ordinals: begin..<end))
      }
      begin = end
    }
  }
}

/// How the workers share the positions that the rows of a step see. The units of work are spans of positions of a sequence and,
/// where there are fewer of those than workers, parts of the heads.
struct SpanSplit {
  /// Places for records of each row and head.
  let spanCount: Int
  /// Parts of the heads.
  let partCount: Int
  /// The units of this worker, in the order of sequences, spans, parts.
  let units: Range<Int>
  /// [ordinals, heads · spans · record]
  let records: FloatRows

  /// Nil where sharing out the heads does as well: for one worker, for short sequences, and for more rows than records have
  /// room for.
  init?(_ rows: TiledRows, heads: Int, rank: Int) {
    let worker = rows.context.worker
    guard worker.count > 1, rows.count > 0 else { return nil }
    spanCount = rows.spans(0..<rows.count)
    let room = rows.context.workspace.spanRecords
    let columns = heads * spanCount * KernelSet.spanRecordCount(rank: rank)
    guard spanCount > 1, columns * rows.count <= room.columns else { return nil }
    records = room.view.columns(0..<columns * rows.count).split(row: 0, into: rows.count)
    var total = 0
    rows.forEachSequence { _, attending in total += rows.spans(attending.ordinals) }
    partCount = max(1, min(heads, worker.count / total))
    // The last span of a sequence is not full, so who comes later takes the odd one.
    total *= partCount
    units = total * worker.index / worker.count..<total * (worker.index + 1) / worker.count
  }
}
