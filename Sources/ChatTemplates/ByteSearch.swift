/// Finds one row of bytes in another in linear time, so that no text can be chosen to make it slow.
package struct ByteSearch {
  private let part: [UInt8]
  /// For the first n bytes of the part, the length of the longest beginning of it that is also their end (Knuth, Morris
  /// and Pratt, 1977); empty for short parts, which are compared at every place.
  private let overlaps: [Int]

  /// Prepares the search for `part`, which may be empty.
  package init(_ part: [UInt8]) {
    self.part = part
    if part.count <= 16 {
      overlaps = []
      return
    }
    var overlaps = [Int](repeating: 0, count: part.count + 1)
    var length = 0
    for index in 1..<part.count {
      while length > 0, part[length] != part[index] { length = overlaps[length] }
      if part[length] == part[index] { length += 1 }
      overlaps[index + 1] = length
    }
    self.overlaps = overlaps
  }

  /// The first place at or after `start` where the part stands in `text` and ends at or before `end`.
  package func first(in text: borrowing Span<UInt8>, from start: Int, to end: Int) -> Int? {
    guard let first = part.first else { return start <= end ? start : nil }
    if !overlaps.isEmpty { return firstOfLong(in: text, from: start, to: end) }
    let part = part.span
    var position = start
    while position + part.count <= end {
      if text[position] == first {
        var length = 1
        while length < part.count, text[position + length] == part[length] { length += 1 }
        if length == part.count { return position }
      }
      position += 1
    }
    return nil
  }

  private func firstOfLong(in text: borrowing Span<UInt8>, from start: Int, to end: Int) -> Int? {
    let part = part.span
    let overlaps = overlaps.span
    var length = 0
    var position = start
    while position < end {
      while length > 0, part[length] != text[position] { length = overlaps[length] }
      if part[length] == text[position] { length += 1 }
      position += 1
      if length == part.count { return position - length }
    }
    return nil
  }
}
