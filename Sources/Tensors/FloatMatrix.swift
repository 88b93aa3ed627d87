/// A zero-filled matrix of floats. Every row starts on a 64-byte boundary.
///
/// Threads may work on different rows or columns at once; keeping them apart is the caller's duty.
public final class FloatMatrix: @unchecked Sendable {
  // Sendable: the address never changes; concurrent element access follows the rule above.
  /// The number of rows.
  public let rows: Int
  /// The number of columns.
  public let columns: Int
  /// Floats from one row to the next: `columns` rounded up to a multiple of 16.
  public let stride: Int
  private let memory: AlignedMemory

  /// Makes a matrix of zeros. Pages of a large matrix take no memory until they are touched.
  public init(rows: Int, columns: Int) {
    precondition(rows >= 0 && columns >= 0, "negative size")
    self.rows = rows
    self.columns = columns
    stride = (columns + 15) / 16 * 16
    memory = AlignedMemory(byteCount: rows * stride * MemoryLayout<Float>.stride)
  }

  /// All rows, without ownership.
  public var view: FloatRows {
    unsafe FloatRows(
      base: memory.address.assumingMemoryBound(to: Float.self), rows: rows, columns: columns, stride: stride)
  }

  /// One element; both indices are checked.
  public subscript(row: Int, column: Int) -> Float {
    get { view[row, column] }
    set { view[row, column] = newValue }
  }

  /// Bytes reserved, padding included.
  public var byteCount: Int { memory.byteCount }
}
