import CKernels

/// Rows of one sequence that attend to its cache: ordinal i is row `index[i]`, or row i without an index.
public struct AttendingRows: Sendable {
  /// [rows, heads · head width], already rotated.
  public let query: FloatRows
  /// The position of each row.
  public let positions: IndexRows
  /// The rows; nil for all.
  public let index: IndexRows?
  /// The ordinals to compute.
  public let ordinals: Range<Int>

  /// Names the rows.
  public init(query: FloatRows, positions: IndexRows, index: IndexRows?, ordinals: Range<Int>) {
    self.query = query
    self.positions = positions
    self.index = index
    self.ordinals = ordinals
  }

  func row(_ ordinal: Int) -> Int { index.map { Int($0[ordinal]) } ?? ordinal }
}

extension KernelSet {
  /// Floats of scratch that `groupedAttention` needs for heads of this width.
  public static func groupedAttentionScratchCount(width: Int) -> Int {
    Int(
      max(
        fs_grouped_attention_scratch(width),
        fs_tiled_attention_scratch(TileFormat.bf16.shape(keyWidth: width, valueWidth: width))))
  }

  /// How many rows times heads of a key-value head share one pass over the cache, in tiles two passes of half as many.
  public static var groupedAttentionUnits: Int { Int(FS_GROUPED_UNITS) }

  /// Grouped-query attention (arXiv 2305.13245): consecutive query heads share a key-value head.
  /// output[i][h] = Σ over t of softmax(scale · query[h] · key[t])[t] · value[t], for the positions t up to the row's own
  /// that its window holds. What a row gets depends on no other row. Over a cache in tiles queries and weights are as narrow as what it holds.
  ///
  /// - Parameters:
  ///   - rows: rows of one sequence. Their positions must be in the cache already.
  ///   - heads: the query heads to compute, so that threads can share them.
  ///   - cache: the sequence's keys and values; its heads divide the query heads evenly.
  ///   - window: how many positions a row sees, its own included; nil for all.
  ///   - output: [ordinals, heads · head width]; ordinal i goes to row i.
  ///   - scratch: a row of at least `groupedAttentionScratchCount(width:)` columns, one for each thread.
  public func groupedAttention(
    _ rows: AttendingRows, heads: Range<Int>, cache: GroupedCache, window: Int?, scale: Float,
    output: FloatRows, scratch: FloatRows, scratchRow: Int
  ) {
    precondition(output.columns == rows.query.columns, "query and output rows of different length")
    let place = unsafe AttentionOutput(
      base: output.base, rowStride: output.stride, headStride: cache.width, rows: output.rows)
    unsafe attend(
      rows, heads: heads, cache: cache, window: window, scale: scale, span: nil, to: place, scratch: scratch,
      scratchRow: scratchRow)
  }

  /// What the positions from span · `attentionSpan` up to the next span add to that. Joined by `joinSpans`, the records give the
  /// bits of the whole.
  ///
  /// - Parameter records: [ordinals, heads · spans · record]: the span's place of each row and head that sees any of it is
  ///   written, with `spanCount` places for each.
  public func groupedAttention(
    _ rows: AttendingRows, heads: Range<Int>, span: Int, spanCount: Int, cache: GroupedCache, window: Int?,
    scale: Float, records: FloatRows, scratch: FloatRows, scratchRow: Int
  ) {
    let record = Self.spanRecordCount(width: cache.width)
    precondition(span >= 0 && span < spanCount, "span out of range")
    precondition(
      records.columns >= rows.query.columns / cache.width * spanCount * record, "no room for the records")
    let place = unsafe AttentionOutput(
      base: records.base + span * record, rowStride: records.stride, headStride: spanCount * record,
      rows: records.rows)
    unsafe attend(
      rows, heads: heads, cache: cache, window: window, scale: scale, span: span, to: place, scratch: scratch,
      scratchRow: scratchRow)
  }

  /// Where results go: ordinal i to `base` + i · `rowStride`, in it head h to h · `headStride`.
  @unsafe private struct AttentionOutput {
    let base: UnsafeMutablePointer<Float>
    let rowStride: Int
    let headStride: Int
    let rows: Int
  }

  /// Checks the sizes and calls the kernels, one key-value head after the other; for one span or all.
  private func attend(
    _ rows: AttendingRows, heads: Range<Int>, cache: GroupedCache, window: Int?, scale: Float, span: Int?,
    to output: AttentionOutput, scratch: FloatRows, scratchRow: Int
  ) {
    let width = cache.width
    let headCount = rows.query.columns / width
    precondition(rows.query.columns == headCount * width, "the cache does not fit the queries")
    precondition(headCount % cache.headCount == 0, "key-value heads do not divide the heads")
    precondition(heads.lowerBound >= 0 && heads.upperBound <= headCount, "heads")
    precondition(
      unsafe rows.ordinals.lowerBound >= 0 && rows.ordinals.upperBound <= output.rows, "rows out of range")
    precondition(window ?? 1 >= 1, "an empty window")
    for ordinal in rows.ordinals {
      let row = rows.row(ordinal)
      precondition(row >= 0 && row < rows.query.rows, "row index out of range")
      let position = Int(rows.positions[row])
      precondition(position >= 0 && position < cache.capacity, "position out of range")
    }
    let room = unsafe scratch.row(scratchRow)
    precondition(room.count >= Self.groupedAttentionScratchCount(width: width), "scratch too small")
    guard let scratchBase = room.baseAddress else { return }
    let group = headCount / cache.headCount
    var begin = heads.lowerBound
    while begin < heads.upperBound {
      let keyValueHead = begin / group
      let end = min((keyValueHead + 1) * group, heads.upperBound)
      let memory = unsafe cache.memory.row(keyValueHead)
      guard let base = memory.baseAddress else { return }
      if let shape = cache.shape {
        var queries = unsafe fs_tiled_queries(
          query: rows.query.base, query_stride: rows.query.stride, packed: false,
          positions: rows.positions.base, index: rows.index?.base, begin: rows.ordinals.lowerBound,
          end: rows.ordinals.upperBound, head_begin: begin, head_end: end, shape: shape,
          window: window ?? 0, scale: scale, output: output.base,
          output_stride: output.rowStride, output_head_stride: output.headStride,
          following: end < heads.upperBound ? nil : following)
        if let span {
          unsafe fs_tiled_attention_span(table, &queries, span, base, scratchBase)
        } else {
          unsafe fs_tiled_attention(table, &queries, base, scratchBase)
        }
      } else {
        var queries = unsafe fs_grouped_queries(
          query: rows.query.base, query_stride: rows.query.stride, positions: rows.positions.base,
          index: rows.index?.base, begin: rows.ordinals.lowerBound, end: rows.ordinals.upperBound,
          head_begin: begin, head_end: end, width: width, window: window ?? 0, scale: scale,
          output: output.base, output_stride: output.rowStride, output_head_stride: output.headStride)
        if let span {
          unsafe fs_grouped_attention_span(table, &queries, span, base, scratchBase)
        } else {
          unsafe fs_grouped_attention(table, &queries, base, scratchBase)
        }
      }
      begin = end
    }
  }
}
