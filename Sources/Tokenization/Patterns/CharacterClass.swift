/// A set of characters, as a pattern's `[...]`, `\s` or `\p{L}` names it.
struct CharacterClass: Sendable {
  /// The ASCII characters of the set, one bit each.
  private(set) var lowBits: (UInt64, UInt64) = (0, 0)
  /// The general categories that belong to the set, one bit each.
  private var categories: UInt32 = 0
  private var ranges: [ClosedRange<UInt32>] = []
  /// Whether white space, or everything but white space, belongs to the set.
  private var includesSpace = false
  private var includesNonSpace = false
  private(set) var isNegated = false

  /// Whether characters beyond ASCII can belong to the set.
  var reachesBeyondASCII: Bool {
    isNegated || categories != 0 || includesSpace || includesNonSpace
      || ranges.contains { $0.upperBound > 0x7F }
  }

  /// The code of the only character, where the set was made of one.
  var onlyValue: UInt32? {
    guard categories == 0, !includesSpace, !includesNonSpace, !isNegated, ranges.count == 1 else {
      return nil
    }
    return ranges[0].count == 1 ? ranges[0].lowerBound : nil
  }

  mutating func insert(_ range: ClosedRange<UInt32>) { ranges.append(range) }
  mutating func insert(categories mask: UInt32) { categories |= mask }
  mutating func insertSpace() { includesSpace = true }
  mutating func insertNonSpace() { includesNonSpace = true }

  /// Adds the other letter case of every letter, with the two letters beyond ASCII that fold to ASCII.
  mutating func insertOtherCases() {
    for range in ranges where range.count == 1 {
      guard let scalar = Unicode.Scalar(range.lowerBound) else { continue }
      let cases = [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping]
      for text in cases where text.unicodeScalars.count == 1 {
        for other in text.unicodeScalars { ranges.append(other.value...other.value) }
      }
    }
    if ranges.contains(0x73...0x73) { ranges.append(0x17F...0x17F) }
    if ranges.contains(0x6B...0x6B) { ranges.append(0x212A...0x212A) }
  }

  /// Adds another set, which must not be negated.
  mutating func insert(_ other: CharacterClass) {
    categories |= other.categories
    ranges += other.ranges
    includesSpace = includesSpace || other.includesSpace
    includesNonSpace = includesNonSpace || other.includesNonSpace
  }

  mutating func negate() { isNegated.toggle() }

  /// Puts the ranges in order and prepares the quick look-up of ASCII characters; to be called once, when the set is complete.
  mutating func finish() {
    ranges.sort { $0.lowerBound < $1.lowerBound }
    var merged: [ClosedRange<UInt32>] = []
    for range in ranges {
      if let last = merged.last, range.lowerBound <= last.upperBound {
        merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
      } else {
        merged.append(range)
      }
    }
    ranges = merged
    for value in UInt32(0)..<128 where containsSlowly(value) {
      if value < 64 { lowBits.0 |= 1 << UInt64(value) } else { lowBits.1 |= 1 << UInt64(value - 64) }
    }
  }

  /// Whether an ASCII character belongs to the set.
  @inline(__always)
  func contains(ascii byte: UInt8) -> Bool {
    let bits = byte < 64 ? lowBits.0 : lowBits.1
    return (bits >> UInt64(byte & 63)) & 1 == 1
  }

  /// Looks among the ranges, which are in order and apart from one another, by halving.
  private func isInRange(_ value: UInt32) -> Bool {
    var (lower, upper) = (0, ranges.count)
    while lower < upper {
      let middle = (lower + upper) / 2
      if ranges[middle].upperBound < value { lower = middle + 1 } else { upper = middle }
    }
    return lower < ranges.count && ranges[lower].lowerBound <= value
  }

  /// Whether any character belongs to the set.
  func containsSlowly(_ value: UInt32) -> Bool {
    var found = false
    if categories != 0 { found = (categories >> UInt32(GeneralCategories.index(of: value))) & 1 == 1 }
    if !found, includesSpace || includesNonSpace {
      found = GeneralCategories.isWhiteSpace(value) ? includesSpace : includesNonSpace
    }
    return (found || isInRange(value)) != isNegated
  }
}

/// The general categories of characters, as small numbers.
enum GeneralCategories {
  /// The categories by their two-letter names.
  static let names = [
    "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf",
    "Po", "Sm",
    "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn",
  ]

  /// The bits of a category or of a group of categories, such as `L` or `Lu`; nil for an unknown name.
  static func mask(_ name: String) -> UInt32? {
    var mask: UInt32 = 0
    for (index, category) in names.enumerated()
    where category == name || (name.count == 1 && category.hasPrefix(name)) {
      mask |= 1 << UInt32(index)
    }
    return mask == 0 ? nil : mask
  }

  /// The categories of the first two planes, looked up once.
  private static let table: [UInt8] = (UInt32(0)..<0x20000).map { slowIndex(of: $0) }

  static func index(of value: UInt32) -> UInt8 {
    value < 0x20000 ? table[Int(value)] : slowIndex(of: value)
  }

  static func isWhiteSpace(_ value: UInt32) -> Bool {
    switch value {
    case 0x09...0x0D, 0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
    default: false
    }
  }

  private static func slowIndex(of value: UInt32) -> UInt8 {
    guard let scalar = Unicode.Scalar(value) else { return 27 }
    return switch scalar.properties.generalCategory {
    case .uppercaseLetter: 0
    case .lowercaseLetter: 1
    case .titlecaseLetter: 2
    case .modifierLetter: 3
    case .otherLetter: 4
    case .nonspacingMark: 5
    case .spacingMark: 6
    case .enclosingMark: 7
    case .decimalNumber: 8
    case .letterNumber: 9
    case .otherNumber: 10
    case .connectorPunctuation: 11
    case .dashPunctuation: 12
    case .openPunctuation: 13
    case .closePunctuation: 14
    case .initialPunctuation: 15
    case .finalPunctuation: 16
    case .otherPunctuation: 17
    case .mathSymbol: 18
    case .currencySymbol: 19
    case .modifierSymbol: 20
    case .otherSymbol: 21
    case .spaceSeparator: 22
    case .lineSeparator: 23
    case .paragraphSeparator: 24
    case .control: 25
    case .format: 26
    case .surrogate: 27
    case .privateUse: 28
    case .unassigned: 29
    @unknown default: 29
    }
  }
}
