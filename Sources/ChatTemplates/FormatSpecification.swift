/// How one value is shown: `[[fill]align][sign][#][0][width][,][.precision][kind]`.
struct FormatSpecification {
  var fill: Unicode.Scalar = " "
  /// `<`, `>`, `^` or `=`; nil for what suits the value.
  var alignment: Unicode.Scalar?
  var sign: Unicode.Scalar = "-"
  var isAlternate = false
  var padsWithZeros = false
  var width = 0
  var grouping: Unicode.Scalar?
  var precision: Int?
  var kind: Unicode.Scalar?

  init() {}

  init(_ text: String) throws(Failure) {
    var rest = Array(text.unicodeScalars)[...]
    let alignments: [Unicode.Scalar] = ["<", ">", "^", "="]
    if rest.count >= 2, alignments.contains(rest[rest.startIndex + 1]) {
      fill = rest.removeFirst()
      alignment = rest.removeFirst()
    } else if let first = rest.first, alignments.contains(first) {
      alignment = rest.removeFirst()
    }
    func take(_ choices: Unicode.Scalar...) -> Unicode.Scalar? {
      guard let first = rest.first, choices.contains(first) else { return nil }
      return rest.removeFirst()
    }
    func takeNumber() throws(Failure) -> Int? {
      let digits = rest.prefix { ("0"..."9").contains($0) }
      rest = rest.dropFirst(digits.count)
      if digits.isEmpty { return nil }
      guard let number = Int(PythonText.string(digits)), number <= 10_000 else {
        throw Failure("a width in a format is too large")
      }
      return number
    }
    sign = take("+", "-", " ") ?? "-"
    isAlternate = take("#") != nil
    padsWithZeros = take("0") != nil
    width = try takeNumber() ?? 0
    grouping = take(",", "_")
    if take(".") != nil {
      guard let digits = try takeNumber() else { throw Failure("format specifier missing precision") }
      precision = digits
    }
    kind = rest.popFirst()
    if !rest.isEmpty { throw Failure("invalid format specifier '\(text)'") }
  }

  /// The text of a value in the `format` method.
  func braceText(_ value: Value) throws(Failure) -> String {
    let isNumber = value.number != nil
    if case .bool = value, kind == nil { return try padded(value.text, isNumber: false) }
    if !isNumber || kind == "s" {
      guard kind == nil || kind == "s" else {
        throw Failure("unknown format code '\(kind ?? "s")' for a '\(value.typeName)'")
      }
      return try padded(cut(value.text), isNumber: false)
    }
    return try numberText(value)
  }

  /// The text of a value behind a `%`.
  func percentText(_ value: Value) throws(Failure) -> String {
    switch kind {
    case "s": return try padded(cut(value.text), isNumber: true)
    case "r", "a": return try padded(cut(value.representation), isNumber: true)
    case "c": return try padded(value.wholeNumber.flatMap(Self.character) ?? value.text, isNumber: true)
    case "d", "i", "u":
      guard let number = value.number else {
        throw Failure("%d format: a number is required, not \(value.typeName)")
      }
      guard let whole = value.wholeNumber ?? Int(exactly: number.rounded(.towardZero)) else {
        throw Failure("%d format: the number is too large")
      }
      var copy = self
      copy.kind = "d"
      return try copy.numberText(.int(whole))
    case "f", "F", "e", "E", "g", "G", "x", "X", "o":
      if value.number == nil { throw Failure("a number is required, not \(value.typeName)") }
      return try numberText(value)
    default: throw Failure("unsupported format character '\(kind ?? "?")'")
    }
  }

  private static func character(_ code: Int) -> String? {
    UInt32(exactly: code).flatMap(Unicode.Scalar.init).map { String(Character($0)) }
  }

  private func cut(_ text: String) -> String {
    guard let precision else { return text }
    return PythonText.string(text.unicodeScalars.prefix(precision))
  }

  private func numberText(_ value: Value) throws(Failure) -> String {
    guard let number = value.number else { throw Failure("a number is required") }
    var digits: String
    let isNegative: Bool
    if let whole = value.wholeNumber, kind == nil || ["d", "x", "X", "o", "b", "n", "c"].contains(kind) {
      isNegative = whole < 0
      switch kind {
      case "x": digits = (isAlternate ? "0x" : "") + String(whole.magnitude, radix: 16)
      case "X": digits = (isAlternate ? "0X" : "") + String(whole.magnitude, radix: 16, uppercase: true)
      case "o": digits = (isAlternate ? "0o" : "") + String(whole.magnitude, radix: 8)
      case "b": digits = (isAlternate ? "0b" : "") + String(whole.magnitude, radix: 2)
      case "c": return try padded(Self.character(whole) ?? "", isNumber: false)
      default: digits = grouped(String(whole.magnitude))
      }
    } else {
      isNegative = number.sign == .minus
      digits = grouped(try DecimalText.text(number.magnitude, kind: kind, precision: precision))
    }
    let mark = isNegative ? "-" : sign == "-" ? "" : String(Character(sign))
    let isZeroFilled = padsWithZeros && alignment == nil
    if isZeroFilled || alignment == "=" {
      let filling = isZeroFilled ? "0" : String(Character(fill))
      let missing = max(width - mark.count - digits.count, 0)
      return mark + String(repeating: filling, count: missing) + digits
    }
    return try padded(mark + digits, isNumber: true)
  }

  /// Digits with a mark between every three of the whole part.
  private func grouped(_ digits: String) -> String {
    guard let grouping else { return digits }
    let whole = digits.prefix { $0.isASCII && $0.isNumber }
    var result = ""
    for (index, digit) in whole.enumerated() {
      if index > 0, (whole.count - index) % 3 == 0 { result.unicodeScalars.append(grouping) }
      result.append(digit)
    }
    return result + digits.dropFirst(whole.count)
  }

  private func padded(_ text: String, isNumber: Bool) throws(Failure) -> String {
    if width == 0, alignment != "=" { return text }
    let missing = max(width - text.unicodeScalars.count, 0)
    func filling(_ count: Int) -> String { String(repeating: String(Character(fill)), count: count) }
    switch alignment ?? (isNumber ? ">" : "<") {
    case "<": return text + filling(missing)
    case "^": return filling(missing / 2) + text + filling(missing - missing / 2)
    case "=" where !isNumber: throw Failure("'=' alignment not allowed in string format specifier")
    default: return filling(missing) + text
    }
  }
}
