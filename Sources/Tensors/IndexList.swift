/// A list of row numbers with a fixed capacity, such as the rows that go to one expert.
public final class IndexList: @unchecked Sendable {
  // Sendable: the address never changes; writers and readers are kept apart by the caller.
  /// The most elements it can hold.
  public let capacity: Int
  private let memory: AlignedMemory

  // Private, so that no check of exclusive access is needed at run time.
  private var used = 0

  /// The number of elements. Growing it exposes what the elements last held (at first zeros).
  public var count: Int {
    get { used }
    set {
      precondition(newValue >= 0 && newValue <= capacity, "count out of range")
      used = newValue
    }
  }

  /// Makes an empty list.
  public init(capacity: Int) {
    precondition(capacity >= 0, "negative capacity")
    self.capacity = capacity
    memory = AlignedMemory(byteCount: capacity * MemoryLayout<Int32>.stride)
  }

  /// Makes a full list of these elements.
  public convenience init(_ elements: [Int32]) {
    self.init(capacity: elements.count)
    for element in elements { append(element) }
  }

  /// One element; the index is checked.
  public subscript(index: Int) -> Int32 {
    get {
      precondition(index >= 0 && index < used, "index out of range")
      return unsafe memory.address.assumingMemoryBound(to: Int32.self)[index]
    }
    set {
      precondition(index >= 0 && index < used, "index out of range")
      unsafe memory.address.assumingMemoryBound(to: Int32.self)[index] = newValue
    }
  }

  /// Adds one element at the end; there must be room.
  public func append(_ element: Int32) {
    precondition(used < capacity, "no room")
    unsafe memory.address.assumingMemoryBound(to: Int32.self)[used] = element
    used += 1
  }

  /// Empties the list.
  public func removeAll() { count = 0 }

  /// All elements, without ownership.
  public var view: IndexRows {
    unsafe IndexRows(base: memory.address.assumingMemoryBound(to: Int32.self), count: used)
  }
}

/// A run of row numbers: a view without ownership. The list must outlive it, and keep its elements meanwhile.
@safe public struct IndexRows: @unchecked Sendable {
  // Sendable: it only reads.
  @usableFromInline let base: UnsafePointer<Int32>
  /// The number of elements.
  public let count: Int

  @usableFromInline @inline(__always)
  init(base: UnsafePointer<Int32>, count: Int) {
    unsafe self.base = unsafe base
    self.count = count
  }

  /// One element; the index is checked.
  public subscript(index: Int) -> Int32 {
    precondition(index >= 0 && index < count, "index out of range")
    return unsafe base[index]
  }

  /// The elements of `range`.
  public func subview(_ range: Range<Int>) -> IndexRows {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "range out of bounds")
    return unsafe IndexRows(base: base + range.lowerBound, count: range.count)
  }
}
