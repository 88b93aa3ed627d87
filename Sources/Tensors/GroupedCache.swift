import CKernels

/// The keys and values that one sequence has cached in one layer of grouped-query attention: a view without ownership.
///
/// Each key-value head has a row of memory of its own, so a head is read as one stream.
public struct GroupedCache: Sendable {
  /// How the numbers of a head stand in its memory.
  public enum Format: Sendable, Equatable, CaseIterable {
    /// Floats in blocks of 64 positions: the block's keys, transposed, then its values.
    case floats
    /// In blocks of 32 positions.
    case tiles(TileFormat)

    /// All formats.
    public static let allCases: [Format] = [.floats] + TileFormat.allCases.map { .tiles($0) }
  }

  /// One row for each key-value head.
  let memory: FloatRows
  /// Width of a head.
  public let width: Int
  /// Positions that it can hold.
  public let capacity: Int
  /// How numbers are held.
  public let format: Format

  /// Takes rows of memory, one for each key-value head, of at least `floatCount(width:capacity:format:)` columns; zero-filled
  /// at first where the format is tiles.
  public init(memory: FloatRows, width: Int, capacity: Int, format: Format = .floats) {
    precondition(width >= 1 && capacity >= 1, "an empty cache")
    precondition(
      memory.columns >= Self.floatCount(width: width, capacity: capacity, format: format),
      "too little memory")
    self.memory = memory
    self.width = width
    self.capacity = capacity
    self.format = format
  }

  /// The room of so many floats that `capacity` positions of one key-value head occupy; positions are counted up to a multiple
  /// of 64.
  public static func floatCount(width: Int, capacity: Int, format: Format = .floats) -> Int {
    switch format {
    case .floats: Int(fs_grouped_cache_floats(width, capacity))
    case .tiles(let tiles):
      Int(fs_tiled_cache_floats(tiles.shape(keyWidth: width, valueWidth: width), (capacity + 63) / 64 * 64))
    }
  }

  /// What the kernels know of a head in tiles; nil for floats.
  var shape: fs_tiled_shape? {
    guard case .tiles(let tiles) = format else { return nil }
    return tiles.shape(keyWidth: width, valueWidth: width)
  }

  /// Key-value heads.
  public var headCount: Int { memory.rows }

  /// Writes key and value of one head at one position, from a row of as many columns each as the head is wide.
  public func store(head: Int, position: Int, keys: FloatRows, values: FloatRows, row: Int) {
    precondition(position >= 0 && position < capacity, "position out of range")
    precondition(keys.columns == width && values.columns == width, "rows do not fit the heads")
    let target = unsafe memory.row(head)
    let key = unsafe keys.row(row)
    let value = unsafe values.row(row)
    guard let to = target.baseAddress, let key = key.baseAddress, let value = value.baseAddress else {
      return
    }
    switch format {
    case .floats: unsafe fs_grouped_cache_store(to, width, position, key, value)
    case .tiles(let tiles):
      unsafe fs_tiled_cache_store(
        tiles.shape(keyWidth: width, valueWidth: width), to, position, key, value)
    }
  }

  /// Where the positions begin that attention takes together with this one, if they are in tiles.
  func address(head: Int, position: Int) -> UnsafeRawPointer? {
    guard let shape, head >= 0, head < headCount, position >= 0, position < capacity else { return nil }
    let chunk = Int(FS_TILED_CHUNK)
    let floats = Int(fs_tiled_cache_floats(shape, position / chunk * chunk))
    return unsafe UnsafeRawPointer(memory.row(head).baseAddress.map { unsafe $0 + floats })
  }

  /// Asks for the lines that `store` will write, where those are many.
  public func prefetch(head: Int, position: Int) {
    precondition(position >= 0 && position < capacity, "position out of range")
    guard let shape else { return }
    let target = unsafe memory.row(head)
    if let to = target.baseAddress { unsafe fs_tiled_cache_prefetch(shape, to, position) }
  }
}
