/// A constant vector of floats on a 64-byte boundary, such as the weight of a norm.
public final class FloatVector: Sendable {
  /// The number of elements.
  public let count: Int
  private let memory: AlignedMemory

  /// Copies the elements.
  public init(_ elements: [Float]) {
    count = elements.count
    memory = AlignedMemory(byteCount: elements.count * MemoryLayout<Float>.stride)
    unsafe memory.address.assumingMemoryBound(to: Float.self).update(from: elements, count: elements.count)
  }

  /// All elements, without ownership.
  public var view: FloatVectorView {
    unsafe FloatVectorView(base: memory.address.assumingMemoryBound(to: Float.self), count: count)
  }

  /// One element; the index is checked.
  public subscript(index: Int) -> Float { view[index] }
}

/// A run of floats to read: a view without ownership. Its owner must outlive it.
@safe public struct FloatVectorView: @unchecked Sendable {
  // Sendable: it only reads.
  @usableFromInline let base: UnsafePointer<Float>
  /// The number of elements.
  public let count: Int

  @usableFromInline @inline(__always)
  init(base: UnsafePointer<Float>, count: Int) {
    unsafe self.base = unsafe base
    self.count = count
  }

  /// One row of a matrix.
  public init(_ rows: FloatRows, row: Int) {
    precondition(row >= 0 && row < rows.rows, "row out of range")
    unsafe self.init(base: UnsafePointer(rows.base + row * rows.stride), count: rows.columns)
  }

  /// One element; the index is checked.
  public subscript(index: Int) -> Float {
    precondition(index >= 0 && index < count, "index out of range")
    return unsafe base[index]
  }

  /// The elements of `range`.
  public func subview(_ range: Range<Int>) -> FloatVectorView {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "range out of bounds")
    return unsafe FloatVectorView(base: base + range.lowerBound, count: range.count)
  }
}
