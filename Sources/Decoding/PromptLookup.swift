/// Drafts by copying: finds the longest earlier occurrence of the text's end and proposes what followed it (prompt lookup,
/// as in LLMA, arXiv 2304.04487).
///
/// Positions whose last two tokens hash alike form a chain, newest first, as in LZ77. The longest match among the newest
/// few of the chain wins, so no length is fixed, and nothing is allocated after init.
struct PromptLookup {
  /// Shortest match that proposes anything.
  static let shortestMatch = 2
  /// Longest match that is told apart.
  static let longestMatch = 64
  private static let candidates = 24
  private static let tableSize = 1 << 12

  private var newest: [Int32]  // by hash: the newest position whose pair has that hash, -1 for none
  private var older: [Int32]  // by position: the next older one with the same hash
  private var indexed = 1  // positions below this are in the chains

  init(capacity: Int) {
    newest = Array(repeating: -1, count: Self.tableSize)
    older = Array(repeating: -1, count: max(capacity, 1))
  }

  private func hash(_ first: Int32, _ second: Int32) -> Int {
    let mixed = (UInt32(bitPattern: first) &* 0x9E37_79B1) ^ (UInt32(bitPattern: second) &* 0x85EB_CA77)
    return Int((mixed ^ (mixed >> 15)) & UInt32(Self.tableSize - 1))
  }

  /// Adds the positions of `tokens` that are new, all but the last: a text never matches itself at its end.
  private mutating func index(_ tokens: [Int32]) {
    while indexed < tokens.count - 1 {
      let slot = hash(tokens[indexed - 1], tokens[indexed])
      older[indexed] = newest[slot]
      newest[slot] = Int32(truncatingIfNeeded: indexed)
      indexed += 1
    }
  }

  /// A place where the text's end occurred before.
  struct Match {
    /// Tokens that agree, at most `longestMatch`.
    let length: Int
    /// Where the continuation begins.
    let next: Int
  }

  /// The longest match of the end of `tokens`, the newest among equals.
  mutating func longestMatch(_ tokens: [Int32]) -> Match? {
    guard tokens.count > 2 else { return nil }
    index(tokens)
    let end = tokens.count - 1
    var best = Match(length: Self.shortestMatch - 1, next: 0)
    var place = Int(newest[hash(tokens[end - 1], tokens[end])])
    for _ in 0..<Self.candidates where place > 0 {
      var length = 0
      while length < Self.longestMatch, length <= place, tokens[place - length] == tokens[end - length] {
        length += 1
      }
      if length > best.length { best = Match(length: length, next: place + 1) }
      place = Int(older[place])
    }
    return best.length >= Self.shortestMatch ? best : nil
  }
}
