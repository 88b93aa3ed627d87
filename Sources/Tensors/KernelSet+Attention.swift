import CKernels

extension KernelSet {
  /// Floats of scratch that `groupedAttention` needs for this many heads.
  public static func groupedAttentionScratchCount(heads: Int) -> Int {
    Int(fs_grouped_attention_scratch(heads))
  }

  /// One query row of grouped-query attention (arXiv 2305.13245): consecutive query heads share a key-value head.
  /// output[h] = Σ over t of softmax(scale · query[h] · key[t])[t] · value[t], for first <= t < length.
  ///
  /// - Parameters:
  ///   - query: [heads, head width], one row a head, already rotated.
  ///   - heads: the heads to compute, so that threads can share them.
  ///   - keyValueHeads: how many key-value heads there are; they divide the query heads evenly.
  ///   - cache: [positions, 2 · keyValueHeads · head width], the keys of all heads, then their values.
  ///   - first: the first position that counts; above 0 for a sliding window.
  ///   - length: the end of the positions that count, above `first`.
  ///   - output: [heads, head width].
  ///   - scratch: a row of at least `groupedAttentionScratchCount(heads: heads.count)` columns, one for each thread.
  public func groupedAttention(
    query: FloatRows, heads: Range<Int>, keyValueHeads: Int, cache: FloatRows, first: Int, length: Int,
    scale: Float,
    output: FloatRows, scratch: FloatRows, scratchRow: Int
  ) {
    precondition(
      heads.lowerBound >= 0 && heads.upperBound <= query.rows && heads.upperBound <= output.rows, "heads")
    precondition(
      keyValueHeads >= 1 && query.rows % keyValueHeads == 0, "key-value heads do not divide the heads")
    precondition(output.columns == query.columns, "query and output rows of different length")
    precondition(cache.columns == 2 * keyValueHeads * query.columns, "the cache does not fit the heads")
    precondition(first >= 0 && length > first && length <= cache.rows, "positions")
    let room = unsafe scratch.row(scratchRow)
    precondition(room.count >= Self.groupedAttentionScratchCount(heads: heads.count), "scratch too small")
    guard !heads.isEmpty, let scratchBase = room.baseAddress else { return }
    unsafe fs_grouped_attention(
      table, query.base, query.stride, heads.lowerBound, heads.upperBound, query.rows / keyValueHeads,
      query.columns,
      cache.base, cache.stride, keyValueHeads * query.columns, first, length, scale, output.base,
      output.stride,
      scratchBase)
  }
}
