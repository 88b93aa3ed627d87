/// Which tokens a sequence has seen, kept only where a penalty needs it.
struct TokenHistory {
  private var counts: [Int32]  // [vocabulary], -1 for never seen; empty when unused
  /// The distinct tokens seen so far, each once; tokens whose count fell back to zero may linger.
  private(set) var seen: [Int32] = []

  /// Makes an empty history; an unused one ignores everything.
  init(vocabularySize: Int, isUsed: Bool, capacity: Int) {
    counts = isUsed ? Array(repeating: -1, count: vocabularySize) : []
    if isUsed { seen.reserveCapacity(min(vocabularySize, capacity)) }
  }

  /// Counts a token.
  mutating func add(_ token: Int32) {
    guard !counts.isEmpty else { return }
    if counts[Int(token)] < 0 {
      seen.append(token)
      counts[Int(token)] = 0
    }
    counts[Int(token)] += 1
  }

  /// Takes back one count of a token.
  mutating func remove(_ token: Int32) {
    guard !counts.isEmpty else { return }
    counts[Int(token)] -= 1
  }

  /// Whether a token has been seen.
  func contains(_ token: Int32) -> Bool { !counts.isEmpty && counts[Int(token)] > 0 }
}
