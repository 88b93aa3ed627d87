/// Tokens with their logits, given out from the most probable on; equal logits in order of their ids.
///
/// A binary heap in memory that is reserved once: looking at the first k of n tokens costs n + k log n and allocates
/// nothing.
struct CandidateHeap {
  private var tokens: [Int32] = []
  private var logits: [Float] = []

  init(capacity: Int) {
    tokens.reserveCapacity(capacity)
    logits.reserveCapacity(capacity)
  }

  var count: Int { tokens.count }

  mutating func removeAll() {
    tokens.removeAll(keepingCapacity: true)
    logits.removeAll(keepingCapacity: true)
  }

  /// Adds a token; call `heapify` after the last.
  mutating func append(_ token: Int32, logit: Float) {
    tokens.append(token)
    logits.append(logit)
  }

  /// Makes the added tokens a heap.
  mutating func heapify() {
    for place in stride(from: count / 2 - 1, through: 0, by: -1) { sink(place) }
  }

  /// Takes the most probable token out.
  mutating func popFirst() -> (token: Int32, logit: Float)? {
    guard let last = tokens.last, let lastLogit = logits.last else { return nil }
    let first = (token: tokens[0], logit: logits[0])
    tokens[0] = last
    logits[0] = lastLogit
    tokens.removeLast()
    logits.removeLast()
    sink(0)
    return first
  }

  /// The sum of a function of all logits.
  func sum(_ value: (Float) -> Float) -> Float { logits.reduce(0) { $0 + value($1) } }

  private func precedes(_ left: Int, _ right: Int) -> Bool {
    logits[left] == logits[right] ? tokens[left] < tokens[right] : logits[left] > logits[right]
  }

  private mutating func sink(_ start: Int) {
    var place = start
    while true {
      var first = place
      let left = 2 * place + 1
      if left < count, precedes(left, first) { first = left }
      if left + 1 < count, precedes(left + 1, first) { first = left + 1 }
      if first == place { return }
      tokens.swapAt(place, first)
      logits.swapAt(place, first)
      place = first
    }
  }
}
