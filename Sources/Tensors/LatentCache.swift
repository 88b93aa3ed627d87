import CKernels

/// What one sequence has cached in one layer of latent attention in bf16 or int8: a view without ownership.
///
/// One row of memory, in blocks of 32 positions: latents with their rotary keys as the tiles of a score want them, then
/// the latents once more as values.
public struct LatentCache: Sendable {
  let memory: FloatRows
  /// Width of a latent.
  public let rank: Int
  /// Width of a rotary key.
  public let rope: Int
  /// Positions that it can hold.
  public let capacity: Int
  /// How numbers are held.
  public let format: TileFormat

  /// Takes one row of memory of at least `floatCount(rank:rope:capacity:format:)` columns, zero-filled at first.
  public init(memory: FloatRows, rank: Int, rope: Int, capacity: Int, format: TileFormat = .bf16) {
    precondition(rank >= 1 && rope >= 0 && capacity >= 1, "an empty cache")
    precondition(
      memory.rows == 1
        && memory.columns >= Self.floatCount(rank: rank, rope: rope, capacity: capacity, format: format),
      "too little memory")
    self.memory = memory
    self.rank = rank
    self.rope = rope
    self.capacity = capacity
    self.format = format
  }

  var shape: fs_tiled_shape { format.shape(keyWidth: rank + rope, valueWidth: rank) }

  /// The room of so many floats that `capacity` positions occupy; positions are counted up to a multiple of 32.
  public static func floatCount(rank: Int, rope: Int, capacity: Int, format: TileFormat = .bf16) -> Int {
    Int(fs_tiled_cache_floats(format.shape(keyWidth: rank + rope, valueWidth: rank), capacity))
  }

  /// Writes one position from a row of normed latent and rotated key, rounded.
  public func store(position: Int, from rows: FloatRows, row: Int) {
    precondition(position >= 0 && position < capacity, "position out of range")
    precondition(rows.columns == rank + rope, "the row does not fit the cache")
    let source = unsafe rows.row(row)
    let target = unsafe memory.row(0)
    guard let from = source.baseAddress, let to = target.baseAddress else { return }
    unsafe fs_tiled_cache_store(shape, to, position, from, from)
  }

  /// Where the positions begin that attention takes together with this one.
  func address(position: Int) -> UnsafeRawPointer? {
    guard position >= 0, position < capacity else { return nil }
    let chunk = Int(FS_TILED_CHUNK)
    let floats = Int(fs_tiled_cache_floats(shape, position / chunk * chunk))
    return unsafe UnsafeRawPointer(memory.row(0).baseAddress.map { unsafe $0 + floats })
  }

  /// Asks for the lines that `store` will write.
  public func prefetch(position: Int) {
    precondition(position >= 0 && position < capacity, "position out of range")
    let target = unsafe memory.row(0)
    if let to = target.baseAddress { unsafe fs_tiled_cache_prefetch(shape, to, position) }
  }
}

extension KernelSet {
  /// Floats of scratch that latent attention in tiles needs, whatever their format.
  public static func latentTilesScratchCount(rank: Int, rope: Int) -> Int {
    Int(fs_tiled_attention_scratch(TileFormat.bf16.shape(keyWidth: rank + rope, valueWidth: rank)))
  }
}
