/// Why a pattern cannot be used.
struct PatternError: Error {
  let reason: String

  init(_ reason: String) { self.reason = reason }
}

/// What a pattern says, before it becomes a program.
indirect enum PatternNode {
  case empty
  case one(CharacterClass)
  case row([PatternNode])
  case choice([PatternNode])
  case lookahead(PatternNode, isNegative: Bool)
  case textBegin
  case textEnd
  case repetition(PatternNode, minimum: Int, maximum: Int?, isPossessive: Bool)

  /// Whether the node can match without taking a character.
  var isNullable: Bool {
    switch self {
    case .empty, .lookahead, .textBegin, .textEnd: true
    case .one: false
    case .row(let nodes): nodes.allSatisfy(\.isNullable)
    case .choice(let nodes): nodes.contains(where: \.isNullable)
    case .repetition(let node, let minimum, _, _): minimum == 0 || node.isNullable
    }
  }
}

/// Reads the part of the usual regular-expression syntax that published tokenizers use.
struct PatternParser {
  private var rest: ArraySlice<Unicode.Scalar>
  private var ignoresCase = false
  private var depth = 0

  static func parse(_ pattern: String) throws(PatternError) -> PatternNode {
    var parser = PatternParser(pattern)
    let node = try parser.choice()
    if let next = parser.rest.first { throw PatternError("unexpected \"\(next)\"") }
    return node
  }

  private init(_ pattern: String) { rest = Array(pattern.unicodeScalars)[...] }

  private mutating func skip(_ text: String) -> Bool {
    guard rest.starts(with: text.unicodeScalars) else { return false }
    rest = rest.dropFirst(text.unicodeScalars.count)
    return true
  }

  private mutating func choice() throws(PatternError) -> PatternNode {
    depth += 1
    defer { depth -= 1 }
    if depth > 50 { throw PatternError("nested too deep") }
    var branches = [try row()]
    while skip("|") { branches.append(try row()) }
    return branches.count == 1 ? branches[0] : .choice(branches)
  }

  private mutating func row() throws(PatternError) -> PatternNode {
    var nodes: [PatternNode] = []
    while let next = rest.first, next != "|", next != ")" { nodes.append(try quantified()) }
    return nodes.count == 1 ? nodes[0] : nodes.isEmpty ? .empty : .row(nodes)
  }

  private mutating func quantified() throws(PatternError) -> PatternNode {
    var node = try single()
    var count = 0
    while let (minimum, maximum) = try quantifier() {
      count += 1
      if count > 4 { throw PatternError("repetitions of repetitions are nested too deep") }
      if skip("?") { throw PatternError("lazy repetition is not supported") }
      let isPossessive = skip("+")
      node = .repetition(node, minimum: minimum, maximum: maximum, isPossessive: isPossessive)
    }
    return node
  }

  private mutating func quantifier() throws(PatternError) -> (Int, Int?)? {
    if skip("*") { return (0, nil) }
    if skip("+") { return (1, nil) }
    if skip("?") { return (0, 1) }
    guard rest.first == "{" else { return nil }
    let body = rest.dropFirst().prefix { $0 != "}" }
    let bounds = body.split(separator: ",", omittingEmptySubsequences: false).map { part in
      Int(String(String.UnicodeScalarView(part)))
    }
    guard (1...2).contains(bounds.count), let minimum = bounds[0] ?? (bounds.count == 2 ? 0 : nil),
      (0...1000).contains(minimum)
    else {
      throw PatternError("a repetition {…} is not understood")
    }
    let maximum = bounds.count == 1 ? minimum : bounds[1]
    if let maximum, maximum < minimum || maximum > 1000 {
      throw PatternError("a repetition {…} is out of range")
    }
    rest = rest.dropFirst(body.count + 2)
    return (minimum, maximum)
  }

  private mutating func single() throws(PatternError) -> PatternNode {
    guard let next = rest.popFirst() else { return .empty }
    switch next {
    case "(": return try group()
    case "[": return .one(try bracket())
    case "^": return .textBegin
    case "$": return .textEnd
    case ".":
      var set = CharacterClass()
      set.insert(0x0A...0x0A)
      set.negate()
      return .one(finished(set))
    case "\\":
      if skip("z") || skip("Z") { return .textEnd }
      if skip("A") { return .textBegin }
      return .one(finished(try escape()))
    case "*", "+", "?": throw PatternError("nothing to repeat")
    default: return .one(literal(next))
    }
  }

  private mutating func group() throws(PatternError) -> PatternNode {
    let outer = ignoresCase
    defer { ignoresCase = outer }
    let isLookahead = rest.starts(with: "?=".unicodeScalars) || rest.starts(with: "?!".unicodeScalars)
    let isNegative = rest.starts(with: "?!".unicodeScalars)
    if isLookahead {
      rest = rest.dropFirst(2)
    } else if skip("?i:") {
      ignoresCase = true
    } else if rest.first == "?", !skip("?:") {
      throw PatternError("a group (?… of an unknown kind")
    }
    let body = try choice()
    if !skip(")") { throw PatternError("a group does not end") }
    return isLookahead ? .lookahead(body, isNegative: isNegative) : body
  }

  private func literal(_ scalar: Unicode.Scalar) -> CharacterClass {
    var set = CharacterClass()
    set.insert(scalar.value...scalar.value)
    return finished(set)
  }

  private func finished(_ set: CharacterClass) -> CharacterClass {
    var set = set
    if ignoresCase { set.insertOtherCases() }
    set.finish()
    return set
  }

  /// What stands behind a backslash.
  private mutating func escape() throws(PatternError) -> CharacterClass {
    guard let letter = rest.popFirst() else { throw PatternError("a backslash at the end") }
    var set = CharacterClass()
    switch letter {
    case "s": set.insertSpace()
    case "S": set.insertNonSpace()
    case "d": set.insert(categories: GeneralCategories.mask("Nd") ?? 0)
    case "D": set.insert(categories: ~(GeneralCategories.mask("Nd") ?? 0))
    case "w", "W":
      let word = ["L", "M", "N", "Pc"].reduce(UInt32(0)) { $0 | (GeneralCategories.mask($1) ?? 0) }
      set.insert(categories: letter == "w" ? word : ~word)
    case "p", "P":
      let mask = try property()
      set.insert(categories: letter == "p" ? mask : ~mask)
    case "n": set.insert(0x0A...0x0A)
    case "r": set.insert(0x0D...0x0D)
    case "t": set.insert(0x09...0x09)
    case "f": set.insert(0x0C...0x0C)
    case "v": set.insert(0x0B...0x0B)
    case "x", "u":
      let digits: String
      if skip("{") {
        digits = String(String.UnicodeScalarView(rest.prefix { $0 != "}" }))
        rest = rest.dropFirst(digits.unicodeScalars.count + 1)
      } else {
        digits = String(String.UnicodeScalarView(rest.prefix(letter == "x" ? 2 : 4)))
        rest = rest.dropFirst(digits.unicodeScalars.count)
      }
      guard let value = UInt32(digits, radix: 16) else {
        throw PatternError("\\\(letter) needs hexadecimal digits")
      }
      set.insert(value...value)
    default:
      if letter.properties.isAlphabetic || letter.properties.numericType != nil {
        throw PatternError("the escape \\\(letter) is not supported")
      }
      set.insert(letter.value...letter.value)
    }
    return set
  }

  private mutating func property() throws(PatternError) -> UInt32 {
    var name: String
    if skip("{") {
      name = String(String.UnicodeScalarView(rest.prefix { $0 != "}" }))
      rest = rest.dropFirst(name.unicodeScalars.count + 1)
    } else {
      name = String(String.UnicodeScalarView(rest.prefix(1)))
      rest = rest.dropFirst()
    }
    let isNegated = name.hasPrefix("^")
    if isNegated { name.removeFirst() }
    guard let mask = GeneralCategories.mask(name) else {
      throw PatternError("the property \\p{\(name)} is not supported")
    }
    return isNegated ? ~mask : mask
  }

  private mutating func bracket() throws(PatternError) -> CharacterClass {
    var set = CharacterClass()
    let isNegated = skip("^")
    var isFirst = true
    while let next = rest.popFirst() {
      if next == "]", !isFirst {
        if ignoresCase { set.insertOtherCases() }
        if isNegated { set.negate() }
        set.finish()
        return set
      }
      isFirst = false
      if next == "[" { throw PatternError("a set inside a set is not supported") }
      if next == "&", rest.first == "&" { throw PatternError("the intersection of sets is not supported") }
      var lower = next.value
      if next == "\\" {
        let escaped = try escape()
        guard let single = escaped.onlyValue, rest.first == "-", rest.dropFirst().first != "]" else {
          set.insert(escaped)
          continue
        }
        lower = single
      }
      guard rest.first == "-", let end = rest.dropFirst().first, end != "]" else {
        set.insert(lower...lower)
        continue
      }
      rest = rest.dropFirst(2)
      let upper = end == "\\" ? try escape().onlyValue : end.value
      guard let upper, upper >= lower else { throw PatternError("a range in a set is out of order") }
      set.insert(lower...upper)
    }
    throw PatternError("a set does not end")
  }
}
