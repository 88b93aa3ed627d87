import ChatTemplates

/// A text in pieces, within which merges happen.
struct PieceRow {
  var bytes: [UInt8]
  var ranges: [Range<Int>]
}

/// Divides text into pieces.
enum PreTokenizer: Sendable {
  /// What becomes of the text that a pattern matches.
  enum Behavior: String, Sendable {
    case isolated = "Isolated"
    case removed = "Removed"
    case contiguous = "Contiguous"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
  }

  /// Where `Metaspace` puts its mark in front of text.
  enum PrependScheme: String, Sendable {
    case always, first, never
  }

  case split(SplitPattern, Behavior, isInverted: Bool)
  case prefixSpace
  case metaspace(mark: [UInt8], PrependScheme, splits: Bool)

  private static let gptPattern =
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  /// The steps that a description asks for, and whether its last one spells text in the byte alphabet.
  static func steps(_ component: Component?) throws(TokenizerError) -> (
    steps: [PreTokenizer], isByteLevel: Bool
  ) {
    guard let component else { return ([], false) }
    let result = try plainSteps(component)
    // A mark in front of every piece, then a cut at every mark: a few such pairs make any text as long as one likes.
    let adding = result.steps.count { if case .split = $0 { false } else { true } }
    if result.steps.count > 64 || adding > 2 {
      throw component.malformed("more than 64 steps, or more than two that add to the text")
    }
    return result
  }

  private static func plainSteps(_ component: Component) throws(TokenizerError) -> (
    steps: [PreTokenizer], isByteLevel: Bool
  ) {
    switch component.type {
    case "Sequence":
      var steps: [PreTokenizer] = []
      var isByteLevel = false
      for part in try component.parts("pretokenizers") {
        if isByteLevel { throw component.malformed("ByteLevel is only supported as the last step") }
        let more = try Self.steps(part)
        steps += more.steps
        isByteLevel = more.isByteLevel
      }
      return (steps, isByteLevel)
    case "ByteLevel":
      var steps: [PreTokenizer] = component.flag("add_prefix_space", default: true) ? [.prefixSpace] : []
      if component.flag("use_regex", default: true) {
        steps.append(.split(try regex(gptPattern, component), .isolated, isInverted: false))
      }
      return (steps, true)
    case "Split":
      let name = try component.string("behavior")
      guard let behavior = Behavior(rawValue: name) else {
        throw component.malformed("unknown behavior \"\(name)\"")
      }
      return (
        [.split(try component.pattern(), behavior, isInverted: component.flag("invert", default: false))],
        false
      )
    case "Digits":
      let behavior: Behavior = component.flag("individual_digits", default: false) ? .isolated : .contiguous
      return ([.split(try regex(#"\p{N}"#, component), behavior, isInverted: false)], false)
    case "Whitespace":
      return ([.split(try regex(#"\w+|[^\w\s]+"#, component), .removed, isInverted: true)], false)
    case "WhitespaceSplit":
      return ([.split(try regex(#"\s"#, component), .removed, isInverted: false)], false)
    case "Punctuation":
      let behavior = component["behavior"]?.string.flatMap(Behavior.init) ?? .isolated
      return ([.split(try regex(##"[\p{P}!-/:-@\[-`{-~]"##, component), behavior, isInverted: false)], false)
    case "Metaspace":
      let mark = try component.metaspaceMark()
      let old: PrependScheme = component.flag("add_prefix_space", default: true) ? .always : .never
      let scheme = component["prepend_scheme"]?.string.flatMap(PrependScheme.init) ?? old
      return ([.metaspace(mark: mark, scheme, splits: component.flag("split", default: true))], false)
    default:
      throw component.unsupported(
        "ByteLevel", "Split", "Digits", "Whitespace", "WhitespaceSplit", "Punctuation", "Metaspace",
        "Sequence")
    }
  }

  private static func regex(_ text: String, _ component: Component) throws(TokenizerError) -> SplitPattern {
    do {
      return .regex(try Pattern(text))
    } catch {
      throw component.malformed(error.reason)
    }
  }

  /// Divides every piece further.
  ///
  /// - Parameter isTextBegin: Whether the first piece stands at the very beginning of the text.
  func apply(to row: inout PieceRow, isTextBegin: Bool) {
    switch self {
    case .split(let pattern, let behavior, let isInverted):
      var ranges: [Range<Int>] = []
      ranges.reserveCapacity(max(row.ranges.count, row.bytes.count / 4))
      for piece in row.ranges {
        Self.split(row.bytes, piece, pattern, behavior, isInverted, into: &ranges)
      }
      row.ranges = ranges
    case .prefixSpace:
      row = Self.rebuilt(row) { piece, result in
        if piece.first != 0x20 { result.append(0x20) }
        result.append(contentsOf: piece)
      }
    case .metaspace(let mark, let scheme, let splits):
      var isFirst = isTextBegin
      row = Self.rebuilt(row) { piece, result in
        let start = result.count
        for byte in piece { if byte == 0x20 { result.append(contentsOf: mark) } else { result.append(byte) } }
        let wantsMark = scheme == .always || (scheme == .first && isFirst)
        if wantsMark, !result[start...].starts(with: mark) { result.insert(contentsOf: mark, at: start) }
        isFirst = false
      }
      if splits {
        PreTokenizer.split(.literal(mark), .mergedWithNext, isInverted: false).apply(
          to: &row, isTextBegin: false)
      }
    }
  }

  private static func rebuilt(
    _ row: PieceRow, _ append: (ArraySlice<UInt8>, inout [UInt8]) -> Void
  ) -> PieceRow {
    var result = PieceRow(bytes: [], ranges: [])
    for piece in row.ranges where !piece.isEmpty {
      let start = result.bytes.count
      append(row.bytes[piece], &result.bytes)
      result.ranges.append(start..<result.bytes.count)
    }
    return result
  }

  private static func split(
    _ bytes: [UInt8], _ piece: Range<Int>, _ pattern: SplitPattern, _ behavior: Behavior, _ isInverted: Bool,
    into ranges: inout [Range<Int>]
  ) {
    let first = ranges.count
    var previous = piece.lowerBound
    var wasMatch: Bool?
    var waiting: Range<Int>?
    func add(_ range: Range<Int>, _ matched: Bool) {
      let isMatch = matched != isInverted
      defer { wasMatch = isMatch }
      switch behavior {
      case .isolated: ranges.append(range)
      case .removed: if !isMatch { ranges.append(range) }
      case .contiguous:
        if wasMatch == isMatch, ranges.count > first {
          ranges[ranges.count - 1] = ranges[ranges.count - 1].lowerBound..<range.upperBound
        } else {
          ranges.append(range)
        }
      case .mergedWithPrevious:
        if isMatch, wasMatch == false, ranges.count > first {
          ranges[ranges.count - 1] = ranges[ranges.count - 1].lowerBound..<range.upperBound
        } else {
          ranges.append(range)
        }
      case .mergedWithNext:
        // A match waits for what follows; of several in a row only the last one is joined.
        if isMatch {
          if let waiting { ranges.append(waiting) }
          waiting = range
        } else {
          ranges.append((waiting ?? range).lowerBound..<range.upperBound)
          waiting = nil
        }
      }
    }
    pattern.matches(in: bytes, range: piece) { match in
      if previous < match.lowerBound { add(previous..<match.lowerBound, false) }
      add(match, true)
      previous = match.upperBound
    }
    if previous < piece.upperBound { add(previous..<piece.upperBound, false) }
    if let waiting { ranges.append(waiting) }
  }
}
