/// What the methods of texts are made of.
extension StringMethods {
  static func string(_ value: Value?, _ function: String) throws(Failure) -> String {
    guard let value else { throw Failure("\(function) needs an argument") }
    if case .undefined(let message) = value { throw Failure(message) }
    guard case .string(let text) = value else {
      throw Failure("\(function) needs str, not \(value.typeName)")
    }
    return text
  }

  static func every(_ text: String, _ holds: (Unicode.Scalar) -> Bool) -> Bool {
    !text.isEmpty && text.unicodeScalars.allSatisfy(holds)
  }

  static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: false
    }
  }

  static func strip(
    _ text: String, _ arguments: Arguments, _ function: String, _ sides: PythonText.Sides
  ) throws(Failure) -> Value {
    let characters = try arguments.bound(function, "chars")[0]
    if characters == nil || characters?.isNone == true {
      return .string(PythonText.stripped(text, sides: sides))
    }
    return .string(PythonText.stripped(text, try string(characters, function), sides: sides))
  }

  static func split(
    _ text: String, _ arguments: Arguments, _ interpreter: Interpreter, fromRight: Bool
  ) throws(Failure) -> Value {
    let name = fromRight ? "rsplit" : "split"
    let values = try arguments.bound(name, "sep", "maxsplit")
    let limit = values[1]?.wholeNumber.flatMap { $0 < 0 ? nil : $0 }
    guard let separator = values[0], !separator.isNone else {
      try interpreter.reserve(objects: min(PythonText.wordCount(text), limit ?? .max))
      return .list(PythonText.words(of: text, limit: limit, fromRight: fromRight).map(Value.string))
    }
    let mark = try string(separator, name)
    if mark.isEmpty { throw Failure("empty separator") }
    try interpreter.reserve(objects: min(PythonText.count(of: mark, in: text), limit ?? .max))
    let pieces =
      fromRight
      ? PythonText.piecesFromRight(of: text, separator: mark, limit: limit ?? .max)
      : PythonText.pieces(of: text, separator: mark, limit: limit)
    return .list(pieces.map(Value.string))
  }

  static func partition(_ text: String, _ arguments: Arguments, fromRight: Bool) throws(Failure) -> Value {
    let separator = try string(try arguments.bound("partition", "sep")[0], "partition")
    if separator.isEmpty { throw Failure("empty separator") }
    let pieces =
      fromRight
      ? PythonText.piecesFromRight(of: text, separator: separator, limit: 1)
      : PythonText.pieces(of: text, separator: separator, limit: 1)
    if pieces.count == 2 { return .tuple([.string(pieces[0]), .string(separator), .string(pieces[1])]) }
    return .tuple(
      fromRight ? [.string(""), .string(""), .string(text)] : [.string(text), .string(""), .string("")])
  }

  /// `startswith` and `endswith`: one text, or a tuple of texts any of which will do.
  static func matches(
    _ text: String, _ arguments: Arguments, _ function: String, _ matches: ([UInt8], [UInt8]) -> Bool
  ) throws(Failure) -> Value {
    let values = try arguments.bound(function, "prefix", "start", "end")
    let bytes = Array(try part(text, values[1], values[2]).text.utf8)
    if case .tuple(let choices) = values[0] {
      for choice in choices where matches(bytes, Array(try string(choice, function).utf8)) {
        return .bool(true)
      }
      return .bool(false)
    }
    return .bool(matches(bytes, Array(try string(values[0], function).utf8)))
  }

  static func find(_ text: String, _ arguments: Arguments, _ function: String) throws(Failure) -> Value {
    let values = try arguments.bound(function, "sub", "start", "end")
    let wanted = try string(values[0], function)
    let (part, offset) = try part(text, values[1], values[2])
    let fromRight = function.utf8.first == UInt8(ascii: "r")
    let found = fromRight ? PythonText.findLast(wanted, in: part) : PythonText.find(wanted, in: part)
    if let found { return .int(found + offset) }
    if function.hasSuffix("index") { throw Failure("substring not found") }
    return .int(-1)
  }

  /// The characters from `start` to `end`, and the number of characters in front.
  private static func part(
    _ text: String, _ start: Value?, _ end: Value?
  ) throws(Failure) -> (text: String, offset: Int) {
    guard start != nil || end != nil else { return (text, 0) }
    let scalars = Array(text.unicodeScalars)
    func bound(_ value: Value?, _ standard: Int) -> Int {
      guard let number = value?.wholeNumber else { return standard }
      return min(max(number < 0 ? max(number, -scalars.count) + scalars.count : number, 0), scalars.count)
    }
    let lower = bound(start, 0)
    let upper = max(bound(end, scalars.count), lower)
    return (PythonText.string(scalars[lower..<upper]), lower)
  }

  /// Methods that fill a text up to a width.
  static func paddingMethod(_ name: String, of text: String) -> Function? {
    guard ["ljust", "rjust", "center", "zfill"].contains(name) else { return nil }
    return Function(name) { (interpreter, arguments) throws(Failure) in
      let values = try arguments.bound(name, "width", "fillchar")
      guard let width = values[0]?.wholeNumber else { throw Failure("\(name) needs a width") }
      let fill = values[1] == nil ? " " : try string(values[1], name)
      if fill.unicodeScalars.count != 1 {
        throw Failure("the fill character must be exactly one character long")
      }
      let missing = max(max(width, 0) - text.unicodeScalars.count, 0)
      try interpreter.reserve(bytes: 4, times: missing)
      func padding(_ count: Int) -> String { String(repeating: fill, count: count) }
      switch name {
      case "ljust": return .string(text + padding(missing))
      case "rjust": return .string(padding(missing) + text)
      case "zfill":
        let hasSign = text.hasPrefix("-") || text.hasPrefix("+")
        let zeros = String(repeating: "0", count: missing)
        return .string(hasSign ? String(text.prefix(1)) + zeros + text.dropFirst() : zeros + text)
      default:
        // Python puts the odd blank to the left where the width is odd.
        let left = missing / 2 + (missing & width & 1)
        return .string(padding(left) + text + padding(missing - left))
      }
    }
  }
}

extension String {
  /// The one letter whose folded form is not its small form, of those that templates meet.
  var replacingSharpS: String { PythonText.replacing("ß", with: "ss", in: self) }
}
