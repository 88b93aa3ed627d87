import CKernels

extension KernelSet {
  /// Floats of scratch that `latentAttention` needs for this many heads.
  public static func latentAttentionScratchCount(heads: Int) -> Int {
    Int(fs_latent_attention_scratch(heads))
  }

  /// One query row of multi-head latent attention in absorbed form (DeepSeek-V2, arXiv 2405.04434):
  /// output[h] = Σ over t of softmax(scale · query[h] · cache[t])[t] · cache[t][0..<rank], for t < length.
  ///
  /// - Parameters:
  ///   - query: [heads, rank + rope], one row a head, already multiplied with the key up-projection.
  ///   - heads: the heads to compute, so that threads can share them.
  ///   - cache: [positions, rank + rope], the normed latent followed by the rotated key.
  ///   - length: how many positions count, at least 1.
  ///   - output: [heads, rank].
  ///   - scratch: a row of at least `latentAttentionScratchCount(heads: heads.count)` columns, one for each
  ///     thread.
  public func latentAttention(
    query: FloatRows, heads: Range<Int>, rank: Int, cache: FloatRows, length: Int, scale: Float,
    output: FloatRows, scratch: FloatRows, scratchRow: Int
  ) {
    precondition(
      heads.lowerBound >= 0 && heads.upperBound <= query.rows && heads.upperBound <= output.rows, "heads")
    precondition(rank >= 0 && rank <= query.columns && output.columns == rank, "rank")
    precondition(cache.columns == query.columns, "query and cache rows of different length")
    precondition(length >= 1 && length <= cache.rows, "length")
    let room = unsafe scratch.row(scratchRow)
    precondition(room.count >= Self.latentAttentionScratchCount(heads: heads.count), "scratch too small")
    guard !heads.isEmpty, let scratchBase = room.baseAddress else { return }
    unsafe fs_latent_attention(
      table, query.base + heads.lowerBound * query.stride, query.stride, heads.count, rank,
      query.columns - rank, cache.base, cache.stride, length, scale,
      output.base + heads.lowerBound * output.stride, output.stride, scratchBase)
  }
}
