/// From what a pattern says to the steps of its program.
extension Pattern {
  private mutating func add(_ operation: Operation, next: Int) throws(PatternError) -> Int {
    if steps.count >= Self.maximumSteps { throw PatternError("the pattern is too long") }
    steps.append(Step(operation: operation, next: next))
    return steps.count - 1
  }

  private mutating func add(_ set: CharacterClass) -> Int {
    sets.append(set)
    return sets.count - 1
  }

  /// Counts work: repetitions inside repetitions can ask for any amount of it with no step to show.
  private mutating func count(_ work: Int) throws(PatternError) {
    compilingWork += work
    if compilingWork > Self.maximumWork { throw PatternError("the pattern is too long") }
  }

  /// Adds the steps for a node in front of the step `next`, and returns the first of them.
  mutating func compile(_ node: PatternNode, next: Int) throws(PatternError) -> Int {
    try count(1)
    switch node {
    case .empty: return next
    case .one(let set): return try add(.one(set: add(set)), next: next)
    case .row(let nodes):
      var next = next
      for node in nodes.reversed() { next = try compile(node, next: next) }
      return next
    case .choice(let nodes): return try compile(choice: nodes, next: next)
    case .lookahead(let body, let isNegative):
      let start = try compile(body, next: 0)
      return try add(.lookahead(body: start, isNegative: isNegative), next: next)
    case .textBegin: return try add(.textBegin, next: next)
    case .textEnd: return try add(.textEnd, next: next)
    case .repetition(.one(let set), let minimum, let maximum, let isPossessive):
      return try add(
        .loop(set: add(set), minimum: minimum, maximum: maximum ?? .max, isPossessive: isPossessive),
        next: next)
    case .repetition(let body, let minimum, let maximum, let isPossessive):
      if isPossessive {
        let plain = PatternNode.repetition(body, minimum: minimum, maximum: maximum, isPossessive: false)
        return try add(.atomic(body: try compile(plain, next: 0)), next: next)
      }
      return try compile(body, minimum: minimum, maximum: maximum, next: next)
    }
  }

  private mutating func compile(choice nodes: [PatternNode], next: Int) throws(PatternError) -> Int {
    try count(nodes.count)
    var made: [Branch] = []
    for node in nodes {
      var beginning = Beginning()
      beginning.add(node)
      if node.isNullable { beginning.addEverything() }
      made.append(
        Branch(
          start: try compile(node, next: next), lowBits: beginning.lowBits,
          reachesBeyondASCII: beginning.reachesBeyondASCII))
    }
    let first = branches.count
    branches += made
    return try add(.choice(first: first, count: made.count), next: next)
  }

  private mutating func compile(
    _ body: PatternNode, minimum: Int, maximum: Int?, next: Int
  ) throws(PatternError) -> Int {
    var next = next
    if let maximum {
      // Each optional round ends either in the next one or behind the last.
      let end = next
      for _ in 0..<(maximum - minimum) {
        let round = try compile(body, next: next)
        next = try add(.choice(first: branches.count, count: 2), next: end)
        branches.append(Branch(start: round, lowBits: (.max, .max), reachesBeyondASCII: true))
        branches.append(Branch(start: end, lowBits: (.max, .max), reachesBeyondASCII: true))
      }
    } else {
      if body.isNullable { throw PatternError("a repetition without end of something empty") }
      let loop = try add(.choice(first: branches.count, count: 2), next: next)
      branches.append(Branch(start: 0, lowBits: (.max, .max), reachesBeyondASCII: true))
      branches.append(Branch(start: next, lowBits: (.max, .max), reachesBeyondASCII: true))
      guard case .choice(let first, _) = steps[loop].operation else { return loop }
      branches[first].start = try compile(body, next: loop)
      next = loop
    }
    for _ in 0..<minimum { next = try compile(body, next: next) }
    return next
  }
}

/// The characters that a node can begin with.
private struct Beginning {
  var lowBits: (UInt64, UInt64) = (0, 0)
  var reachesBeyondASCII = false

  mutating func addEverything() {
    lowBits = (.max, .max)
    reachesBeyondASCII = true
  }

  mutating func add(_ node: PatternNode) {
    switch node {
    case .empty, .lookahead, .textBegin, .textEnd: break
    case .one(let set):
      lowBits.0 |= set.lowBits.0
      lowBits.1 |= set.lowBits.1
      reachesBeyondASCII = reachesBeyondASCII || set.reachesBeyondASCII
    case .row(let nodes):
      for node in nodes {
        add(node)
        if !node.isNullable { break }
      }
    case .choice(let nodes):
      for node in nodes { add(node) }
    case .repetition(let node, _, _, _): add(node)
    }
  }
}
