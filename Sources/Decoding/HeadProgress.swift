/// How far the rows of one sequence have come through the MTP heads.
///
/// Head k's row for position p needs the hidden row p of the head before it and the token at p + k + 1. With n the last
/// position whose token is known, its cache can hold rows of true tokens for positions below n - k; the k positions after
/// them are filled with drafts while drafting, and filled anew when their tokens are known. What a head is owed, hidden rows
/// of its predecessor for positions from `filled[k]` up to `filled[k - 1]`, waits in a ring of hidden rows.
struct HeadProgress {
  /// Hidden rows that a sequence may owe a head before they have to be worked off. The more at a time the less each of them
  /// costs, and while drafting does not pay that is all that the head costs; few sequences can wait for longer.
  static func ringRows(slotCount: Int) -> Int { max(32, min(256, 512 / max(slotCount, 1))) }

  /// Positions of each head's cache that hold rows of true tokens, for the heads that the request can use; none has more
  /// than the one before it.
  var filled: [Int]
  /// Hidden rows that the pass before the head in turn has just made.
  var fresh = FreshRows()

  /// Consecutive positions whose hidden rows stand one below the other.
  struct FreshRows {
    var positions = 0..<0
    /// The row of the first position.
    var row = 0
  }

  /// Nothing filled; a request that drafts at most as deep as some head never needs the heads behind it, unless its
  /// conversation goes on and later requests might.
  init(_ request: GenerationRequest, headCount: Int) {
    if request.conversation != nil {
      filled = Array(repeating: 0, count: headCount)
      return
    }
    switch request.speculation {
    case .off, .lookup: filled = []
    case .mtp(let depth): filled = Array(repeating: 0, count: min(depth, headCount))
    case .automatic: filled = Array(repeating: 0, count: headCount)
    }
  }

  /// Forgets rows from `position` on; hidden rows before it that wait for a head go on waiting.
  mutating func cut(to position: Int) {
    for head in filled.indices { filled[head] = min(filled[head], position) }
  }

  /// Takes over rows that an earlier request of the conversation left behind.
  mutating func resume(at position: Int) {
    for head in filled.indices { filled[head] = position }
  }

  /// Heads that the request can use.
  var count: Int { filled.count }

  /// Whether so many hidden rows owed leave no room for those of another step.
  static func isFull(_ owed: Int, ringRows: Int) -> Bool {
    owed + Speculation.depths.upperBound + 1 > ringRows
  }
}
