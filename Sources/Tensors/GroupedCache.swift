import CKernels

/// The keys and values that one sequence has cached in one layer of grouped-query attention: a view without ownership.
///
/// Each key-value head has a row of memory of its own, in blocks of 64 positions: the block's keys, transposed, then its
/// values. So a head is read as one stream, and scores of 16 positions are computed at once.
public struct GroupedCache: Sendable {
  /// One row for each key-value head.
  let memory: FloatRows
  /// Width of a head.
  public let width: Int
  /// Positions that it can hold.
  public let capacity: Int

  /// Takes rows of memory, one for each key-value head, of at least `floatCount(width:capacity:)` columns.
  public init(memory: FloatRows, width: Int, capacity: Int) {
    precondition(width >= 1 && capacity >= 1, "an empty cache")
    precondition(memory.columns >= Self.floatCount(width: width, capacity: capacity), "too little memory")
    self.memory = memory
    self.width = width
    self.capacity = capacity
  }

  /// Floats that `capacity` positions of one key-value head occupy; positions are counted up to a multiple of 64.
  public static func floatCount(width: Int, capacity: Int) -> Int {
    Int(fs_grouped_cache_floats(width, capacity))
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
    unsafe fs_grouped_cache_store(to, width, position, key, value)
  }
}
