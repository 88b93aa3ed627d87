import CKernels

/// What one sequence has cached in one layer of latent attention where tiles compute it: a view without ownership.
///
/// One row of memory, bf16 in blocks of 32 positions: latents with their rotary keys as the tiles of a score want them, then
/// the latents once more as values.
public struct LatentCache: Sendable {
  let memory: FloatRows
  /// Width of a latent.
  public let rank: Int
  /// Width of a rotary key.
  public let rope: Int
  /// Positions that it can hold.
  public let capacity: Int

  /// Takes one row of memory of at least `floatCount(rank:rope:capacity:)` columns, zero-filled at first.
  public init(memory: FloatRows, rank: Int, rope: Int, capacity: Int) {
    precondition(rank >= 1 && rope >= 0 && capacity >= 1, "an empty cache")
    precondition(
      memory.rows == 1 && memory.columns >= Self.floatCount(rank: rank, rope: rope, capacity: capacity),
      "too little memory")
    self.memory = memory
    self.rank = rank
    self.rope = rope
    self.capacity = capacity
  }

  /// The room of so many floats that `capacity` positions occupy; positions are counted up to a multiple of 32.
  public static func floatCount(rank: Int, rope: Int, capacity: Int) -> Int {
    Int(fs_tiled_cache_floats(rank + rope, rank, capacity))
  }

  /// Writes one position from a row of normed latent and rotated key, rounded to bf16.
  public func store(position: Int, from rows: FloatRows, row: Int) {
    precondition(position >= 0 && position < capacity, "position out of range")
    precondition(rows.columns == rank + rope, "the row does not fit the cache")
    let source = unsafe rows.row(row)
    let target = unsafe memory.row(0)
    guard let from = source.baseAddress, let to = target.baseAddress else { return }
    unsafe fs_tiled_cache_store(to, rank + rope, rank, position, from, from)
  }
}

extension KernelSet {
  /// Whether the set computes attention in tiles, over a `LatentCache` or a `GroupedCache` in tiles.
  public var hasAttentionTiles: Bool { unsafe fs_has_tiles(table) }

  /// Floats of scratch that latent attention in tiles needs.
  public static func latentTilesScratchCount(rank: Int, rope: Int) -> Int {
    Int(fs_tiled_attention_scratch(rank + rope, rank))
  }

  /// Latent attention in absorbed form (arXiv 2405.04434) in tiles, for rows of one sequence:
  /// output[i][h] = Σ over t of softmax(scale · query[i][h] · cache[t])[t] · cache[t][0..<rank], for the positions t up to the
  /// row's own. Queries, cached rows and weights are bf16. What a row gets depends on no other row.
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
    precondition(hasAttentionTiles, "no tiles")
    let width = cache.rank + cache.rope
    let headCount = rows.query.columns / width
    precondition(rows.query.columns == headCount * width, "the cache does not fit the queries")
    precondition(output.columns == headCount * cache.rank, "the cache does not fit the output")
    precondition(heads.lowerBound >= 0 && heads.upperBound <= headCount, "heads")
    precondition(
      rows.ordinals.lowerBound >= 0 && rows.ordinals.upperBound <= min(output.rows, rows.query.rows),
      "rows out of range")
    for ordinal in rows.ordinals {
      let row = rows.row(ordinal)
      precondition(row >= 0 && row < rows.positions.count, "row index out of range")
      let position = Int(rows.positions[row])
      precondition(position >= 0 && position < cache.capacity, "position out of range")
    }
    let room = unsafe scratch.row(scratchRow)
    precondition(
      room.count >= Self.latentTilesScratchCount(rank: cache.rank, rope: cache.rope), "scratch too small")
    let memory = unsafe cache.memory.row(0)
    guard let scratchBase = room.baseAddress, let base = memory.baseAddress else { return }
    var queries = unsafe fs_tiled_queries(
      query: rows.query.base, query_stride: rows.query.stride, packed: true, positions: rows.positions.base,
      index: rows.index?.base, begin: rows.ordinals.lowerBound, end: rows.ordinals.upperBound,
      head_begin: heads.lowerBound, head_end: heads.upperBound, key_width: width, value_width: cache.rank,
      window: 0, scale: scale, output: output.base, output_stride: output.stride)
    unsafe fs_tiled_attention(table, &queries, base, scratchBase)
  }
}
