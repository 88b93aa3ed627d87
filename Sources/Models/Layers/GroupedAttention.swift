import Tensors

/// The sizes of grouped-query attention.
struct GroupedAttentionShape: Sendable, Equatable {
  let heads: Int
  /// Heads of the keys and values; a divisor of `heads`.
  let keyValueHeads: Int
  /// Width of a head.
  let head: Int
  /// Dimensions of a head that are rotated, the first ones (even).
  let rotated: Int

  var queryWidth: Int { heads * head }
  var keyWidth: Int { keyValueHeads * head }
  /// Heads that share a key-value head.
  var group: Int { heads / keyValueHeads }
  /// Keys and values of one position.
  var cacheWidth: Int { 2 * keyWidth }

  func add(to widths: inout WorkspaceWidths) {
    widths = widths.union(
      WorkspaceWidths(
        projected: queryWidth + cacheWidth, attended: queryWidth, heads: heads, groupedHead: head))
  }
}

/// Grouped-query attention (arXiv 2305.13245), which is multi-head attention where every head has its own keys and
/// values: softmax(scale · rot(q) rot(k)ᵀ) v, optionally with biases, norms of the heads and a sliding window.
final class GroupedAttention: Sendable {
  let shape: GroupedAttentionShape
  /// [all query heads | all keys | all values] from the hidden row.
  let inputProjection: Linear
  /// Norms of each query head and each key head before rotation.
  let queryNorm: Norm?
  let keyNorm: Norm?
  let output: Linear
  /// Positions that a row sees, itself included; nil for all before it.
  let window: Int?
  /// Softmax scale.
  let scale: Float
  let rotary: RotaryTable

  init(
    shape: GroupedAttentionShape, inputProjection: Linear, queryNorm: Norm?, keyNorm: Norm?, output: Linear,
    window: Int?, scale: Float, rotary: RotaryTable
  ) {
    self.shape = shape
    self.inputProjection = inputProjection
    self.queryNorm = queryNorm
    self.keyNorm = keyNorm
    self.output = output
    self.window = window
    self.scale = scale
    self.rotary = rotary
  }

  /// See `Attention.apply`.
  func apply(
    _ context: ForwardContext, input: FloatRows, queries: IndexRows?, output target: FloatRows,
    accumulate: Bool, layer: Int
  ) {
    let worker = context.worker
    let workspace = context.workspace
    let rowCount = context.rows.count
    let queryCount = queries?.count ?? rowCount
    let projected = workspace.projected.view.columns(0..<shape.queryWidth + shape.cacheWidth)
    let split = AttentionSplit(shape: shape, rowCount: queryCount, worker: worker)
    if split.isEven { prefetchCache(context, heads: split.heads, layer: layer) }
    inputProjection.apply(
      context, input: input, output: projected, rowCount: rowCount,
      kernels: kernels(
        context, attendingTo: split.isEven ? split.heads.first : nil, ordinal: 0, queries, layer: layer))
    worker.barrier()

    let query = projected.columns(0..<shape.queryWidth)
    let fresh = projected.columns(shape.queryWidth..<shape.queryWidth + shape.cacheWidth)
    // Heads of all rows form one line of work, so that one row is shared out as well. Keys stand transposed in the cache:
    // the rows of one head after the other meet the same lines, and a worker will read the heads that it writes.
    let cached = split.isEven ? split.heads.times(rowCount) : worker.share(of: rowCount * shape.keyValueHeads)
    for unit in cached {
      cache(context, fresh, row: unit % rowCount, head: unit / rowCount, layer: layer)
    }
    if split.isEven {
      for ordinal in 0..<queryCount {
        let row = queries.map { Int($0[ordinal]) } ?? ordinal
        for head in split.heads.times(shape.group) {
          prepare(context, query, row: row, head: head, norm: queryNorm)
        }
      }
    } else {
      for unit in worker.share(of: queryCount * shape.heads) {
        let ordinal = unit / shape.heads
        let row = queries.map { Int($0[ordinal]) } ?? ordinal
        prepare(context, query, row: row, head: unit % shape.heads, norm: queryNorm)
      }
      worker.barrier()
    }
    if queryCount == 0 { return }
    attend(context, query, queries: queries, count: queryCount, layer: layer, split: split)
    worker.barrier()
    let attended = workspace.attended.view.columns(0..<shape.queryWidth)
    output.apply(context, input: attended, output: target, rowCount: queryCount, accumulate: accumulate)
    worker.barrier()
  }

  /// Asks for the lines of the cache that this worker will write, if the rows are few: nobody has read them lately.
  private func prefetchCache(_ context: ForwardContext, heads: Range<Int>, layer: Int) {
    let rows = context.rows
    guard rows.count <= Workspace.fewRows else { return }
    for row in 0..<rows.count {
      let cache = context.cache.grouped(layer: layer, slot: Int(rows.slots[row]))
      for head in heads { cache.prefetch(head: head, position: Int(rows.positions[row])) }
    }
  }

  /// Writes one head's key and value of one row of the step to the cache.
  private func cache(_ context: ForwardContext, _ fresh: FloatRows, row: Int, head: Int, layer: Int) {
    prepare(context, fresh, row: row, head: head, norm: keyNorm)
    let key = head * shape.head..<(head + 1) * shape.head
    let value = key.lowerBound + shape.keyWidth..<key.upperBound + shape.keyWidth
    context.cache.grouped(layer: layer, slot: Int(context.rows.slots[row])).store(
      head: head, position: Int(context.rows.positions[row]), keys: fresh.columns(key),
      values: fresh.columns(value), row: row)
  }

  /// Normalises and rotates one head of a row, in place.
  private func prepare(_ context: ForwardContext, _ rows: FloatRows, row: Int, head: Int, norm: Norm?) {
    let columns = rows.columns(head * shape.head..<(head + 1) * shape.head)
    if let norm { norm.apply(context.kernels, columns, row: row, to: columns, row: row) }
    context.kernels.rotate(
      columns, row: row, offset: 0, table: rotary, position: Int(context.rows.positions[row]))
  }

  /// Attention over the cached positions, for this worker's part of the key-value heads and the rows.
  private func attend(
    _ context: ForwardContext, _ query: FloatRows, queries: IndexRows?, count: Int, layer: Int,
    split: AttentionSplit
  ) {
    if split.isCoarse, attendBySpans(context, query, queries: queries, count: count, layer: layer) { return }
    for head in split.heads {
      var begin = 0
      var pass = 0
      while begin < count {
        let slot = self.slot(context, queries, begin)
        var end = begin + 1
        while end < count, end - begin < split.rowsPerPass, self.slot(context, queries, end) == slot {
          end += 1
        }
        for part in 0..<split.partCount where split.owns(head: head, pass: pass, part: part) {
          let workspace = context.workspace
          var kernels = context.kernels
          if split.isEven, end == count {
            let next = head + 1 < split.heads.upperBound ? head + 1 : nil
            kernels = self.kernels(context, attendingTo: next, ordinal: 0, queries, layer: layer)
          } else if split.isEven, self.slot(context, queries, end) != slot {
            kernels = self.kernels(context, attendingTo: head, ordinal: end, queries, layer: layer)
          }
          kernels.groupedAttention(
            AttendingRows(
              query: query, positions: context.rows.positions.view, index: queries, ordinals: begin..<end),
            heads: split.queryHeads(head: head, part: part),
            cache: context.cache.grouped(layer: layer, slot: slot), window: window,
            scale: scale, output: workspace.attended.view.columns(0..<shape.queryWidth),
            scratch: workspace.attentionScratch.view, scratchRow: context.worker.index)
        }
        begin = end
        pass += 1
      }
    }
  }

  /// The kernels for work after which this worker attends to a key-value head for query `ordinal` and those behind it, or else
  /// computes the output.
  private func kernels(
    _ context: ForwardContext, attendingTo head: Int?, ordinal: Int, _ queries: IndexRows?, layer: Int
  ) -> KernelSet {
    if let head, ordinal < queries?.count ?? context.rows.count {
      let cache = context.cache.grouped(layer: layer, slot: slot(context, queries, ordinal))
      let row = queries.map { Int($0[ordinal]) } ?? ordinal
      let position = window.map { max(0, Int(context.rows.positions[row]) + 1 - $0) } ?? 0
      if cache.format != .floats {
        return context.kernels.followed(by: cache, head: head, position: position)
      }
    }
    return context.kernels(before: output.weights.view)
  }

  /// The same for a few rows that see much, with the positions shared out; false where the sequences are short.
  private func attendBySpans(
    _ context: ForwardContext, _ query: FloatRows, queries: IndexRows?, count: Int, layer: Int
  ) -> Bool {
    let rows = StepQueries(context: context, query: query, index: queries, count: count, window: window)
    guard
      let split = SpanSplit(rows, heads: shape.heads, groups: shape.keyValueHeads, width: shape.head)
    else { return false }
    let worker = context.worker
    split.forEachUnit { unit, next in
      let kernels =
        next.map {
          context.kernels.followed(
            by: context.cache.grouped(layer: layer, slot: $0.slot), head: $0.heads.lowerBound / shape.group,
            position: $0.span * KernelSet.attentionSpan)
        } ?? context.kernels(before: output.weights.view)
      kernels.groupedAttention(
        unit.rows, heads: unit.heads, span: unit.span, spanCount: split.spanCount,
        cache: context.cache.grouped(layer: layer, slot: unit.slot), window: window, scale: scale,
        records: split.records, scratch: context.workspace.attentionScratch.view, scratchRow: worker.index)
    }
    worker.barrier()
    let attended = context.workspace.attended.view.columns(0..<shape.queryWidth)
    for unit in worker.share(of: count * shape.heads) {
      split.join(ordinal: unit / shape.heads, head: unit % shape.heads, to: attended)
    }
    return true
  }

  /// The cache slot of the row that is query `ordinal`.
  private func slot(_ context: ForwardContext, _ queries: IndexRows?, _ ordinal: Int) -> Int {
    Int(context.rows.slots[queries.map { Int($0[ordinal]) } ?? ordinal])
  }
}

extension Range<Int> {
  /// The parts of these things if each has so many.
  fileprivate func times(_ count: Int) -> Range<Int> { lowerBound * count..<upperBound * count }
}
