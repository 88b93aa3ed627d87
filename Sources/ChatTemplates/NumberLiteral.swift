/// Reads a number as Python spells it: `12`, `1_000`, `0xFF`, `1.5`, `2e-3`.
struct NumberLiteral {
  private let source: [Unicode.Scalar]
  private let followsDot: Bool
  /// Where the number begins, and after reading, where it has ended.
  private(set) var position: Int

  /// - Parameter followsDot: Whether a dot stands in front, as in `a.0.1`, so that no fraction can follow.
  init(_ source: [Unicode.Scalar], at position: Int, followsDot: Bool) {
    self.source = source
    self.position = position
    self.followsDot = followsDot
  }

  /// The number as a token, or nil where it is too large.
  mutating func read() -> Token.Kind? {
    let start = position
    if source[start] == "0", let radix = radix(after: start) {
      let digits = digits(from: start + 2, radix: radix)
      if digits.end > start + 2 {
        position = digits.end
        return Int(digits.text, radix: radix).map(Token.Kind.integer)
      }
    }
    let whole = digits(from: start, radix: 10)
    var end = whole.end
    var text = whole.text
    var isFraction = false
    if !followsDot {
      if scalar(end) == "." {
        let fraction = digits(from: end + 1, radix: 10)
        if fraction.end > end + 1 {
          text += "." + fraction.text
          end = fraction.end
          isFraction = true
        }
      }
      if scalar(end) == "e" || scalar(end) == "E" {
        let sign = scalar(end + 1)
        let hasSign = sign == "-" || sign == "+"
        let exponent = digits(from: end + (hasSign ? 2 : 1), radix: 10)
        if !exponent.text.isEmpty {
          text += "e" + (sign == "-" ? "-" : "") + exponent.text
          end = exponent.end
          isFraction = true
        }
      }
    }
    if isFraction {
      position = end
      return Double(text).map(Token.Kind.float)
    }
    // A whole number other than zero does not begin with a zero: `007` is three numbers, which no parser accepts.
    let isZero = source[start] == "0"
    position = isZero ? zeros(from: start) : whole.end
    return isZero ? .integer(0) : Int(whole.text).map(Token.Kind.integer)
  }

  private func scalar(_ index: Int) -> Unicode.Scalar? {
    source.indices.contains(index) ? source[index] : nil
  }

  private func radix(after start: Int) -> Int? {
    switch scalar(start + 1) {
    case "x", "X": 16
    case "o", "O": 8
    case "b", "B": 2
    default: nil
    }
  }

  private func zeros(from start: Int) -> Int {
    var end = start
    while scalar(end) == "0" || (scalar(end) == "_" && scalar(end + 1) == "0") { end += 1 }
    return end
  }

  /// Digits with single underscores between them.
  private func digits(from start: Int, radix: Int) -> (text: String, end: Int) {
    var text = ""
    var end = start
    while let next = scalar(end) {
      if next == "_", !text.isEmpty || radix != 10, let after = scalar(end + 1), isDigit(after, radix) {
        end += 1
        continue
      }
      guard isDigit(next, radix) else { break }
      text.unicodeScalars.append(next)
      end += 1
    }
    return (text, end)
  }

  private func isDigit(_ scalar: Unicode.Scalar, _ radix: Int) -> Bool {
    scalar.isASCII && Int(String(Character(scalar)), radix: radix) != nil
  }
}
