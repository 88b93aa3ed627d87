import CKernels

/// What one sequence has cached in one layer of latent attention in bf16: a view without ownership.
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

  /// Where the positions begin that attention takes together with this one.
  func address(position: Int) -> UnsafeRawPointer? {
    guard position >= 0, position < capacity else { return nil }
    let chunk = Int(FS_TILED_CHUNK)
    let floats = Int(fs_tiled_cache_floats(rank + rope, rank, position / chunk * chunk))
    return unsafe UnsafeRawPointer(memory.row(0).baseAddress.map { unsafe $0 + floats })
  }

  /// Asks for the lines that `store` will write.
  public func prefetch(position: Int) {
    precondition(position >= 0 && position < capacity, "position out of range")
    let target = unsafe memory.row(0)
    if let to = target.baseAddress { unsafe fs_tiled_cache_prefetch(to, rank + rope, rank, position) }
  }
}

extension KernelSet {
  /// Floats of scratch that latent attention in tiles needs.
  public static func latentTilesScratchCount(rank: Int, rope: Int) -> Int {
    Int(fs_tiled_attention_scratch(rank + rope, rank))
  }
}
