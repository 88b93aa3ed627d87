/// The merges of a vocabulary: which two tokens become which third one, and how early.
struct MergeTable: Sendable {
  struct Merge: Equatable {
    /// Merges with lower ranks come first.
    var rank: UInt32
    var result: TokenID
  }

  private var keys: [UInt64]
  private var values: [UInt64]
  private(set) var count = 0
  private static let empty = UInt64.max

  init(expectedCount: Int) {
    var capacity = 64
    while capacity < expectedCount * 2 { capacity *= 2 }
    keys = [UInt64](repeating: Self.empty, count: capacity)
    values = [UInt64](repeating: 0, count: capacity)
  }

  /// Adds a merge; the later of two for the same pair counts.
  mutating func insert(_ left: TokenID, _ right: TokenID, _ merge: Merge) {
    if (count + 1) * 2 > keys.count { grow() }
    let key = Self.key(left, right)
    let slot = slot(of: key)
    if keys[slot] == Self.empty { count += 1 }
    keys[slot] = key
    values[slot] = UInt64(merge.rank) << 32 | UInt64(UInt32(bitPattern: merge.result))
  }

  /// What two tokens become, or nil where they stay apart.
  @inline(__always)
  func merge(_ left: TokenID, _ right: TokenID) -> Merge? {
    let slot = slot(of: Self.key(left, right))
    if keys[slot] == Self.empty { return nil }
    let value = values[slot]
    return Merge(
      rank: UInt32(truncatingIfNeeded: value >> 32),
      result: TokenID(bitPattern: UInt32(truncatingIfNeeded: value)))
  }

  @inline(__always)
  private static func key(_ left: TokenID, _ right: TokenID) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  @inline(__always)
  private func slot(of key: UInt64) -> Int {
    var hash = key &* 0x9E37_79B9_7F4A_7C15
    hash ^= hash >> 29
    var slot = Int(truncatingIfNeeded: hash &* 0xBF58_476D_1CE4_E5B9 >> 20) & (keys.count - 1)
    while keys[slot] != key, keys[slot] != Self.empty { slot = (slot + 1) & (keys.count - 1) }
    return slot
  }

  private mutating func grow() {
    let old = zip(keys, values).filter { $0.0 != Self.empty }
    keys = [UInt64](repeating: Self.empty, count: keys.count * 2)
    values = [UInt64](repeating: 0, count: keys.count)
    for (key, value) in old {
      let slot = slot(of: key)
      keys[slot] = key
      values[slot] = value
    }
  }
}
