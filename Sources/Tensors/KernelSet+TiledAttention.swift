import CKernels

// Latent attention over a cache in tiles: as a whole, or span by span so that threads can share the positions.
extension KernelSet {
  /// Latent attention in absorbed form (arXiv 2405.04434) in tiles, for rows of one sequence:
  /// output[i][h] = Σ over t of softmax(scale · query[i][h] · cache[t])[t] · cache[t][0..<rank], for the positions t up to the
  /// row's own. Queries, cached rows and weights are as narrow as what the cache holds. What a row gets depends on no other row.
  ///
  /// - Parameters:
  ///   - rows: `query` is [ordinals, heads · (rank + rope)], already multiplied with the key up-projection; the row of
  ///     ordinal i, which says its position, is `index[i]`. The positions must be in the cache already.
  ///   - heads: the heads to compute, so that threads can share them.
  ///   - output: [ordinals, heads · rank].
  ///   - scratch: a row of at least `latentTilesScratchCount(rank:rope:)` columns, one for each thread.
  public func latentAttention(
    _ rows: AttendingRows, heads: Range<Int>, cache: LatentCache, scale: Float, output: FloatRows,
    scratch: FloatRows, scratchRow: Int
  ) {
    let headCount = check(rows, heads: heads, cache: cache)
    precondition(output.columns == headCount * cache.rank, "the cache does not fit the output")
    precondition(rows.ordinals.upperBound <= output.rows, "rows out of range")
    let room = unsafe scratchBase(scratch, row: scratchRow, cache: cache)
    var queries = unsafe rows.queries(heads: heads, cache: cache, scale: scale)
    unsafe queries.output = output.base
    unsafe queries.output_stride = output.stride
    unsafe queries.output_head_stride = cache.rank
    unsafe queries.following = following
    unsafe fs_tiled_attention(table, &queries, cache.memory.base, room)
  }

  /// What the positions from span · `attentionSpan` up to the next span add to that. Joined by `joinSpans`, the records
  /// give the bits of the whole.
  ///
  /// - Parameter records: [ordinals, heads · spans · record]: the span's place of each row and head that sees any of it is
  ///   written, with `spanCount` places for each.
  public func latentAttention(
    _ rows: AttendingRows, heads: Range<Int>, span: Int, spanCount: Int, cache: LatentCache, scale: Float,
    records: FloatRows, scratch: FloatRows, scratchRow: Int
  ) {
    let headCount = check(rows, heads: heads, cache: cache)
    let record = Self.spanRecordCount(width: cache.rank)
    precondition(span >= 0 && span < spanCount, "span out of range")
    precondition(
      records.columns >= headCount * spanCount * record && rows.ordinals.upperBound <= records.rows,
      "no room for the records")
    let room = unsafe scratchBase(scratch, row: scratchRow, cache: cache)
    var queries = unsafe rows.queries(heads: heads, cache: cache, scale: scale)
    unsafe queries.output = records.base + span * record
    unsafe queries.output_stride = records.stride
    unsafe queries.output_head_stride = spanCount * record
    unsafe queries.following = following
    unsafe fs_tiled_attention_span(table, &queries, span, cache.memory.base, room)
  }

  /// Checks that a row of scratch is long enough; returns where it begins.
  private func scratchBase(_ scratch: FloatRows, row: Int, cache: LatentCache) -> UnsafeMutablePointer<Float>
  {
    precondition(row >= 0 && row < scratch.rows, "row out of range")
    precondition(
      scratch.columns >= Self.latentTilesScratchCount(rank: cache.rank, rope: cache.rope), "scratch too small"
    )
    return unsafe scratch.base + row * scratch.stride
  }

  /// Checks that rows fit a cache; returns the number of heads.
  private func check(_ rows: AttendingRows, heads: Range<Int>, cache: LatentCache) -> Int {
    let width = cache.rank + cache.rope
    let headCount = rows.query.columns / width
    precondition(rows.query.columns == headCount * width, "the cache does not fit the queries")
    precondition(heads.lowerBound >= 0 && heads.upperBound <= headCount, "heads")
    precondition(
      rows.ordinals.lowerBound >= 0 && rows.ordinals.upperBound <= rows.query.rows, "rows out of range")
    for ordinal in rows.ordinals {
      let row = rows.row(ordinal)
      precondition(row >= 0 && row < rows.positions.count, "row index out of range")
      let position = Int(rows.positions[row])
      precondition(position >= 0 && position < cache.capacity, "position out of range")
    }
    return headCount
  }
}

extension AttendingRows {
  /// The rows as the kernels take them, without an output.
  fileprivate func queries(heads: Range<Int>, cache: LatentCache, scale: Float) -> fs_tiled_queries {
    unsafe fs_tiled_queries(
      query: query.base, query_stride: query.stride, packed: true, positions: positions.base,
      index: index?.base, begin: ordinals.lowerBound, end: ordinals.upperBound,
      head_begin: heads.lowerBound, head_end: heads.upperBound, shape: cache.shape, window: 0, scale: scale,
      output: nil, output_stride: 0, output_head_stride: 0,
      following: nil)
  }
}
