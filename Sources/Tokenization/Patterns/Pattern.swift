/// A compiled regular expression that runs over UTF-8 bytes, by backtracking without recursion on the text.
struct Pattern: Sendable {
  enum Operation: Sendable {
    /// One character of a set.
    case one(set: Int)
    /// As many characters of a set as possible.
    case loop(set: Int, minimum: Int, maximum: Int, isPossessive: Bool)
    case choice(first: Int, count: Int)
    case lookahead(body: Int, isNegative: Bool)
    case atomic(body: Int)
    case textBegin, textEnd
    case accept
  }

  struct Step: Sendable {
    var operation: Operation
    var next: Int
  }

  /// A way through a choice, and which characters it can begin with.
  struct Branch: Sendable {
    var start: Int
    var lowBits: (UInt64, UInt64)
    var reachesBeyondASCII: Bool
  }

  /// A place to come back to when a way leads nowhere.
  private enum Retreat {
    case branch(choice: Int, index: Int, position: Int)
    case loop(next: Int, minimum: Int, position: Int)
  }

  var steps: [Step] = []
  var branches: [Branch] = []
  var sets: [CharacterClass] = []
  /// How often compiling has looked at a node.
  var compilingWork = 0
  private var start = 0
  static let maximumSteps = 10_000
  static let maximumWork = 100_000
  /// Places to come back to that a match may leave behind; what needs more is given up.
  private static let maximumRetreats = 1 << 20

  /// Compiles a pattern.
  init(_ pattern: String) throws(PatternError) {
    let node = try PatternParser.parse(pattern)
    steps.append(Step(operation: .accept, next: 0))
    start = try compile(node, next: 0)
  }

  // MARK: - Running

  /// All matches from left to right, without overlap. Matches of nothing are left out.
  func matches(in text: Span<UInt8>, range: Range<Int>, _ body: (Range<Int>) -> Void) {
    var position = range.lowerBound
    var stack: [Retreat] = []
    // Real patterns need a few steps a byte; one that needs hundreds is given up, and the rest is left unmatched.
    var budget = 100_000 + 300 * range.count
    while position < range.upperBound, budget > 0 {
      if let end = match(start, text, position, range, &stack, &budget), end > position {
        body(position..<end)
        position = end
      } else {
        position += Self.length(text[position])
      }
    }
  }

  @inline(__always)
  private static func length(_ lead: UInt8) -> Int {
    lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
  }

  /// The length of the character at `position` if it belongs to the set, else 0.
  @inline(__always)
  private func taken(_ set: Int, _ text: Span<UInt8>, _ position: Int) -> Int {
    let lead = text[position]
    if lead < 0x80 { return sets[set].contains(ascii: lead) ? 1 : 0 }
    let length = Self.length(lead)
    var value = UInt32(lead) & (length == 2 ? 0x1F : length == 3 ? 0x0F : 0x07)
    for offset in 1..<length { value = value << 6 | UInt32(text[position + offset] & 0x3F) }
    return sets[set].containsSlowly(value) ? length : 0
  }

  /// The end of a match that begins at `position`.
  private func match(
    _ first: Int, _ text: Span<UInt8>, _ position: Int, _ range: Range<Int>, _ stack: inout [Retreat],
    _ budget: inout Int
  ) -> Int? {
    let base = stack.count
    defer { stack.removeLast(stack.count - base) }
    var step = first
    var position = position
    let end = range.upperBound
    while budget > 0 {
      budget -= 1
      if stack.count > Self.maximumRetreats { budget = 0 }
      var succeeds = true
      switch steps[step].operation {
      case .accept: return position
      case .one(let set):
        let length = position < end ? taken(set, text, position) : 0
        succeeds = length > 0
        position += length
        step = steps[step].next
      case .loop(let set, let minimum, let maximum, let isPossessive):
        var count = 0
        var least = position
        while count < maximum, position < end {
          let length = taken(set, text, position)
          if length == 0 { break }
          position += length
          count += 1
          if count == minimum { least = position }
        }
        budget -= count >> 3
        succeeds = count >= minimum
        step = steps[step].next
        if succeeds, !isPossessive, position > least {
          stack.append(.loop(next: step, minimum: least, position: position))
        }
      case .choice(let first, let count):
        succeeds = enter(first, 0, count, choice: step, text, position, end, &step, &stack)
      case .lookahead(let body, let isNegative):
        let found = match(body, text, position, range, &stack, &budget) != nil
        succeeds = found != isNegative
        step = steps[step].next
      case .atomic(let body):
        if let reached = match(body, text, position, range, &stack, &budget) {
          position = reached
        } else {
          succeeds = false
        }
        step = steps[step].next
      case .textBegin:
        succeeds = position == range.lowerBound
        step = steps[step].next
      case .textEnd:
        succeeds = position == end
        step = steps[step].next
      }
      while !succeeds {
        guard stack.count > base, let retreat = stack.popLast() else { return nil }
        switch retreat {
        case .loop(let next, let minimum, let reached):
          var earlier = reached - 1
          while earlier > minimum, text[earlier] & 0xC0 == 0x80 { earlier -= 1 }
          budget -= 1
          if earlier > minimum { stack.append(.loop(next: next, minimum: minimum, position: earlier)) }
          position = earlier
          step = next
          succeeds = true
        case .branch(let choice, let index, let begin):
          guard case .choice(let first, let count) = steps[choice].operation else { continue }
          position = begin
          succeeds = enter(first, index, count, choice: choice, text, position, end, &step, &stack)
        }
      }
    }
    return nil
  }

  /// Takes the first branch from `index` on that can begin here, and notes the ones behind it.
  @inline(__always)
  private func enter(
    _ first: Int, _ index: Int, _ count: Int, choice: Int, _ text: Span<UInt8>, _ position: Int, _ end: Int,
    _ step: inout Int, _ stack: inout [Retreat]
  ) -> Bool {
    for candidate in index..<count where canBegin(first + candidate, text, position, end) {
      if candidate + 1 < count {
        stack.append(.branch(choice: choice, index: candidate + 1, position: position))
      }
      step = branches[first + candidate].start
      return true
    }
    return false
  }

  @inline(__always)
  private func canBegin(_ branch: Int, _ text: Span<UInt8>, _ position: Int, _ end: Int) -> Bool {
    let branch = branches[branch]
    // At the end only branches that need no character are left, and those can begin with everything.
    guard position < end else { return branch.lowBits.0 == .max && branch.lowBits.1 == .max }
    let byte = text[position]
    if byte >= 0x80 { return branch.reachesBeyondASCII }
    let bits = byte < 64 ? branch.lowBits.0 : branch.lowBits.1
    return (bits >> UInt64(byte & 63)) & 1 == 1
  }
}
