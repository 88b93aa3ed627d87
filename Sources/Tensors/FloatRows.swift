import CKernels

/// Rows of floats inside a `FloatMatrix`: a view without ownership, so passing it costs no reference
/// counting. The matrix must outlive it.
@safe public struct FloatRows: @unchecked Sendable {
  // Sendable for the same reason as FloatMatrix: threads keep to their own elements.
  @usableFromInline let base: UnsafeMutablePointer<Float>
  /// The number of rows.
  public let rows: Int
  /// The number of columns.
  public let columns: Int
  /// Floats from one row to the next.
  public let stride: Int

  @usableFromInline @inline(__always)
  init(base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int) {
    unsafe self.base = unsafe base
    self.rows = rows
    self.columns = columns
    self.stride = stride
  }

  /// The same rows, but only the columns of `range`.
  @inlinable
  public func columns(_ range: Range<Int>) -> FloatRows {
    precondition(range.lowerBound >= 0 && range.upperBound <= columns, "columns out of range")
    return unsafe FloatRows(base: base + range.lowerBound, rows: rows, columns: range.count, stride: stride)
  }

  /// Only the rows of `range`.
  @inlinable
  public func rows(_ range: Range<Int>) -> FloatRows {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows out of range")
    return unsafe FloatRows(
      base: base + range.lowerBound * stride, rows: range.count, columns: columns, stride: stride)
  }

  /// One row cut into `count` rows of equal length, as for the heads of a query row.
  public func split(row: Int, into count: Int) -> FloatRows {
    precondition(row >= 0 && row < rows, "row out of range")
    precondition(count > 0 && columns % count == 0, "the columns do not divide evenly")
    let width = columns / count
    return unsafe FloatRows(base: base + row * stride, rows: count, columns: width, stride: width)
  }

  /// One element; both indices are checked.
  public subscript(row: Int, column: Int) -> Float {
    @inlinable get {
      precondition(row >= 0 && row < rows && column >= 0 && column < columns, "element out of range")
      return unsafe base[row * stride + column]
    }
    @inlinable nonmutating set {
      precondition(row >= 0 && row < rows && column >= 0 && column < columns, "element out of range")
      unsafe base[row * stride + column] = newValue
    }
  }

  /// The elements of one row, to read and write; valid as long as the matrix.
  @inlinable
  public func row(_ row: Int) -> UnsafeMutableBufferPointer<Float> {
    precondition(row >= 0 && row < rows, "row out of range")
    return unsafe UnsafeMutableBufferPointer(start: base + row * stride, count: columns)
  }

  /// Calls `body` with the elements of one row.
  @inlinable
  public func withRow<R, E: Error>(
    _ row: Int, _ body: (inout MutableSpan<Float>) throws(E) -> R
  ) throws(E) -> R {
    var span = unsafe self.row(row).mutableSpan
    return try body(&span)
  }

  /// The elements of one row as an array.
  public func array(row: Int) -> [Float] { unsafe Array(self.row(row)) }

  /// Copies one row over another of the same length. Both may be the same row.
  public func copyRow(_ row: Int, to other: FloatRows, row otherRow: Int) {
    precondition(columns == other.columns, "rows of different length")
    let source = unsafe self.row(row)
    let target = unsafe other.row(otherRow)
    guard let from = source.baseAddress, let to = target.baseAddress else { return }
    unsafe to.update(from: from, count: columns)
  }

  /// Adds one row, times `scale`, to a row of the same length (product and sum are rounded separately).
  public func addRow(_ row: Int, to other: FloatRows, row otherRow: Int, scale: Float = 1) {
    precondition(columns == other.columns, "rows of different length")
    let source = unsafe self.row(row)
    let target = unsafe other.row(otherRow)
    guard let from = source.baseAddress, let to = target.baseAddress else { return }
    unsafe fs_add_scaled(from, scale, columns, to)
  }

  /// Sets every element of one row.
  public func fill(row: Int, with value: Float) {
    unsafe self.row(row).update(repeating: value)
  }
}
