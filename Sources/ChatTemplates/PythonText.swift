/// Text as Python sees it: a row of Unicode scalars. Swift's own methods work on whole characters instead, to which
/// a carriage return and a line feed are one, and to which composed and decomposed letters are equal.
enum PythonText {
  static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F,
      0x3000:
      true
    default: false
    }
  }

  static func isLineEnd(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
    default: false
    }
  }

  /// A text of some scalars.
  static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
    var text = ""
    text.unicodeScalars.append(contentsOf: scalars)
    return text
  }

  /// Which ends of a text are meant.
  struct Sides: OptionSet {
    let rawValue: Int
    static let left = Sides(rawValue: 1)
    static let right = Sides(rawValue: 2)
    static let both: Sides = [.left, .right]
  }

  /// Drops white space, or the given characters, at the ends of a text.
  static func stripped(_ text: String, _ characters: String? = nil, sides: Sides = .both) -> String {
    var scalars = Substring(text).unicodeScalars
    let set = characters.map { Set($0.unicodeScalars) }
    func isDropped(_ scalar: Unicode.Scalar) -> Bool { set?.contains(scalar) ?? isSpace(scalar) }
    if sides.contains(.left) { scalars = scalars.drop(while: isDropped) }
    if sides.contains(.right) { while let last = scalars.last, isDropped(last) { scalars.removeLast() } }
    return String(Substring(scalars))
  }

  /// The number of characters that end lines.
  static func lineEndCount(_ text: String) -> Int { text.unicodeScalars.count(where: isLineEnd) }

  /// Divides a text into lines, at every kind of line end that Python knows.
  static func lines(_ text: String, keepsEnds: Bool = false) -> [String] {
    var lines: [String] = []
    var line = String.UnicodeScalarView()
    var rest = Substring(text).unicodeScalars
    while let scalar = rest.popFirst() {
      guard isLineEnd(scalar) else {
        line.append(scalar)
        continue
      }
      if keepsEnds { line.append(scalar) }
      if scalar == "\r", rest.first == "\n" {
        rest.removeFirst()
        if keepsEnds { line.append("\n") }
      }
      lines.append(String(line))
      line = String.UnicodeScalarView()
    }
    if !line.isEmpty { lines.append(String(line)) }
    return lines
  }

  /// The meaning of a string literal: escapes as in Python. Nil where an escape is broken.
  static func unescaped(_ literal: ArraySlice<Unicode.Scalar>) -> String? {
    var text = String.UnicodeScalarView()
    var rest = literal
    func code(_ digits: Int, _ radix: Int) -> Unicode.Scalar? {
      UInt32(string(rest.prefix(digits)), radix: radix).flatMap(Unicode.Scalar.init)
    }
    while let scalar = rest.popFirst() {
      guard scalar == "\\", let escape = rest.popFirst() else {
        text.append(scalar)
        continue
      }
      switch escape {
      case "\n": continue
      case "\\", "'", "\"": text.append(escape)
      case "a": text.append("\u{7}")
      case "b": text.append("\u{8}")
      case "f": text.append("\u{C}")
      case "n": text.append("\n")
      case "r": text.append("\r")
      case "t": text.append("\t")
      case "v": text.append("\u{B}")
      case "x", "u", "U":
        let count = escape == "x" ? 2 : escape == "u" ? 4 : 8
        guard rest.count >= count, let character = code(count, 16) else { return nil }
        rest = rest.dropFirst(count)
        text.append(character)
      case "0"..."7":
        let more = rest.prefix(2).prefix { ("0"..."7").contains($0) }
        guard let character = UInt32(string([escape] + more), radix: 8).flatMap(Unicode.Scalar.init) else {
          return nil
        }
        rest = rest.dropFirst(more.count)
        text.append(character)
      case "N": return nil
      default:
        text.append("\\")
        text.append(escape)
      }
    }
    return String(text)
  }
}
