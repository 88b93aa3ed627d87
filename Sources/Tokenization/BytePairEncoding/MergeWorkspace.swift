/// Applies merges to one word at a time, reusing its memory.
struct MergeWorkspace {
  private var ranks: [UInt32] = []
  private var results: [TokenID] = []
  private static let none = UInt32.max
  /// Up to this length looking at every pair is quicker than keeping them sorted.
  private static let longestScan = 48

  /// Merges `symbols` in place: the pair with the lowest rank first, the leftmost of equals.
  mutating func merge(_ symbols: inout [TokenID], _ table: MergeTable) {
    if symbols.count < 2 { return }
    if symbols.count > Self.longestScan {
      mergeLong(&symbols, table)
      return
    }
    ranks.removeAll(keepingCapacity: true)
    results.removeAll(keepingCapacity: true)
    for index in 0..<symbols.count - 1 {
      let merge = table.merge(symbols[index], symbols[index + 1])
      ranks.append(merge?.rank ?? Self.none)
      results.append(merge?.result ?? 0)
    }
    while true {
      var best = Self.none
      var position = 0
      for index in 0..<ranks.count where ranks[index] < best {
        best = ranks[index]
        position = index
      }
      if best == Self.none { return }
      symbols[position] = results[position]
      symbols.remove(at: position + 1)
      ranks.remove(at: position)
      results.remove(at: position)
      if position < ranks.count { update(position, symbols, table) }
      if position > 0 { update(position - 1, symbols, table) }
    }
  }

  private mutating func update(_ index: Int, _ symbols: [TokenID], _ table: MergeTable) {
    let merge = table.merge(symbols[index], symbols[index + 1])
    ranks[index] = merge?.rank ?? Self.none
    results[index] = merge?.result ?? 0
  }

  // MARK: - Long words

  private struct Candidate {
    /// Rank, then position: what comes first in this order is merged first.
    var order: UInt64
    var left: TokenID
    var right: TokenID
    var result: TokenID
  }

  private func mergeLong(_ symbols: inout [TokenID], _ table: MergeTable) {
    var next = Array(1...symbols.count)
    var previous = Array(-1..<symbols.count - 1)
    var isGone = [Bool](repeating: false, count: symbols.count)
    var heap: [Candidate] = []
    func candidate(_ left: Int, _ right: Int) -> Candidate? {
      guard let merge = table.merge(symbols[left], symbols[right]) else { return nil }
      return Candidate(
        order: UInt64(merge.rank) << 32 | UInt64(left), left: symbols[left], right: symbols[right],
        result: merge.result)
    }
    for index in 0..<symbols.count - 1 {
      if let candidate = candidate(index, index + 1) { Self.push(candidate, &heap) }
    }
    while let best = Self.pop(&heap) {
      let left = Int(truncatingIfNeeded: best.order & 0xFFFF_FFFF)
      let right = next[left]
      // A candidate is stale when one of its two symbols has been merged meanwhile.
      guard !isGone[left], right < symbols.count, symbols[left] == best.left, symbols[right] == best.right
      else {
        continue
      }
      symbols[left] = best.result
      isGone[right] = true
      next[left] = next[right]
      if next[left] < symbols.count { previous[next[left]] = left }
      if next[left] < symbols.count, let candidate = candidate(left, next[left]) {
        Self.push(candidate, &heap)
      }
      if previous[left] >= 0, let candidate = candidate(previous[left], left) { Self.push(candidate, &heap) }
    }
    symbols = symbols.indices.filter { !isGone[$0] }.map { symbols[$0] }
  }

  private static func push(_ candidate: Candidate, _ heap: inout [Candidate]) {
    heap.append(candidate)
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      if heap[parent].order <= heap[child].order { break }
      heap.swapAt(parent, child)
      child = parent
    }
  }

  private static func pop(_ heap: inout [Candidate]) -> Candidate? {
    guard let first = heap.first, let last = heap.popLast() else { return nil }
    if heap.isEmpty { return first }
    heap[0] = last
    var parent = 0
    while true {
      var child = 2 * parent + 1
      if child >= heap.count { break }
      if child + 1 < heap.count, heap[child + 1].order < heap[child].order { child += 1 }
      if heap[parent].order <= heap[child].order { break }
      heap.swapAt(parent, child)
      parent = child
    }
    return first
  }
}
