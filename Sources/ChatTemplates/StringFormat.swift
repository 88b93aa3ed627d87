/// Text with places to fill in: Python's `%` operator and its `format` method.
enum StringFormat {
  /// How long a text may become.
  private static let maximumBytes = 16 << 20

  private static func append(
    _ text: String, to result: inout String, _ bytes: inout Int
  ) throws(Failure) {
    bytes += text.utf8.count
    if bytes > maximumBytes { throw Failure("a formatted text is too long", kind: .limit) }
    result += text
  }

  /// `"%s of %d" % (a, b)`.
  static func percent(
    _ format: String, _ values: Value, _ interpreter: Interpreter
  ) throws(Failure) -> String {
    try interpreter.reserve(bytes: format.utf8.count)
    var result = ""
    var rest = Substring(format).unicodeScalars
    var positional: [Value] = [values]
    if case .tuple(let elements) = values { positional = elements }
    var used = 0
    var bytes = 0
    while let scalar = rest.popFirst() {
      guard scalar == "%" else {
        result.unicodeScalars.append(scalar)
        continue
      }
      var named: Value?
      if rest.first == "(" {
        let name = rest.dropFirst().prefix { $0 != ")" }
        rest = rest.dropFirst(name.count + 2)
        guard case .dictionary(let entries) = values else { throw Failure("format requires a mapping") }
        guard let entry = entries[String(Substring(name))] else {
          throw Failure("format has no value for '\(Substring(name))'")
        }
        named = entry
      }
      var specification = FormatSpecification()
      while let flag = rest.first, ["-", "+", " ", "0", "#"].contains(flag) {
        rest.removeFirst()
        switch flag {
        case "-": specification.alignment = "<"
        case "0": specification.padsWithZeros = true
        case "#": specification.isAlternate = true
        default: specification.sign = flag
        }
      }
      func value() throws(Failure) -> Value {
        if let named { return named }
        guard used < positional.count else { throw Failure("not enough arguments for format string") }
        used += 1
        return positional[used - 1]
      }
      specification.width = try number(&rest, value) ?? 0
      if rest.first == "." {
        rest.removeFirst()
        specification.precision = try number(&rest, value) ?? 0
      }
      guard let kind = rest.popFirst() else { throw Failure("incomplete format") }
      if kind == "%" {
        result += "%"
        continue
      }
      specification.kind = kind
      let shown = try value()
      try interpreter.charge()
      try interpreter.chargeWalk(shown, bytesPerStep: 16)
      try append(try specification.percentText(shown), to: &result, &bytes)
    }
    if used < positional.count, case .tuple = values {
      throw Failure("not all arguments converted during string formatting")
    }
    if used == 0, !format.utf8.contains(UInt8(ascii: "%")) {
      switch values {
      case .dictionary, .list, .tuple: break
      default: throw Failure("not all arguments converted during string formatting")
      }
    }
    return result
  }

  private static func number(
    _ rest: inout Substring.UnicodeScalarView, _ next: () throws(Failure) -> Value
  ) throws(Failure) -> Int? {
    if rest.first == "*" {
      rest.removeFirst()
      guard let number = try next().wholeNumber, (0...10_000).contains(number) else {
        throw Failure("* wants a small whole number")
      }
      return number
    }
    let digits = rest.prefix { ("0"..."9").contains($0) }
    rest = rest.dropFirst(digits.count)
    if digits.isEmpty { return nil }
    guard let number = Int(String(Substring(digits))), number <= 10_000 else {
      throw Failure("a width in a format is too large")
    }
    return number
  }

  /// `"{} of {name!r:>8}".format(a, name=b)`.
  static func braces(
    _ format: String, _ arguments: Arguments, _ interpreter: Interpreter
  ) throws(Failure) -> String {
    var result = ""
    var rest = Substring(format).unicodeScalars
    var next = 0
    var bytes = 0
    while let scalar = rest.popFirst() {
      if scalar == "{" || scalar == "}", rest.first == scalar {
        rest.removeFirst()
        result.unicodeScalars.append(scalar)
        continue
      }
      if scalar == "}" { throw Failure("single '}' encountered in format string") }
      guard scalar == "{" else {
        result.unicodeScalars.append(scalar)
        continue
      }
      let field = rest.prefix { $0 != "}" }
      if field.endIndex == rest.endIndex { throw Failure("expected '}' before end of string") }
      rest = rest.dropFirst(field.count + 1)
      if field.contains("{") { throw Failure("nested format fields are not supported") }
      let name = field.prefix { $0 != ":" && $0 != "!" }
      var value = try lookUp(String(Substring(name)), arguments, &next)
      try interpreter.charge(1 + arguments.named.count / 16)
      try interpreter.chargeWalk(value, bytesPerStep: 16)
      var specification = field.dropFirst(name.count)
      if specification.first == "!" {
        let conversion = specification.dropFirst().first
        guard conversion == "r" || conversion == "s" || conversion == "a" else {
          throw Failure("unknown conversion in format string")
        }
        value = .string(conversion == "s" ? value.text : value.representation)
        specification = specification.dropFirst(2)
      }
      let parsed = try FormatSpecification(String(Substring(specification.dropFirst())))
      try append(try parsed.braceText(value), to: &result, &bytes)
    }
    return result
  }

  /// The value of a field: a number or name, with elements and attributes behind it.
  private static func lookUp(_ field: String, _ arguments: Arguments, _ next: inout Int) throws(Failure)
    -> Value
  {
    let head = String(field.prefix { $0 != "." && $0 != "[" })
    var value: Value
    if head.isEmpty || Int(head) != nil {
      let index = Int(head) ?? next
      if head.isEmpty { next += 1 }
      guard arguments.positional.indices.contains(index) else {
        throw Failure("format index is out of range")
      }
      value = arguments.positional[index]
    } else {
      guard let named = arguments.named.last(where: { $0.name == head }) else {
        throw Failure("format has no value for '\(head)'")
      }
      value = named.value
    }
    var path = field.dropFirst(head.count)
    while let mark = path.first {
      let name = path.dropFirst().prefix { mark == "[" ? $0 != "]" : $0 != "." && $0 != "[" }
      path = path.dropFirst(name.count + (mark == "[" ? 2 : 1))
      var found: Value?
      switch value {
      case .dictionary(let entries): found = entries[String(name)]
      case .list(let elements), .tuple(let elements):
        found = Int(name).flatMap { elements.indices.contains($0) ? elements[$0] : nil }
      default: found = nil
      }
      guard let found else { throw Failure("format cannot look up '\(name)'") }
      value = found
    }
    return value
  }
}
