/// What can stand behind a bar: `value | name(arguments)`.
enum Filters {
  typealias Filter = @Sendable (Interpreter, Value, Arguments) throws(Failure) -> Value

  static let table: [String: Filter] = text.merging(sequences) { first, _ in first }
    .merging(selection) { first, _ in first }.merging(values) { first, _ in first }

  /// Filters for single values.
  private static let values: [String: Filter] = [
    "default": standard,
    "d": standard,
    "tojson": { (interpreter, value, arguments) throws(Failure) in
      let options = try arguments.bound("tojson", "ensure_ascii", "indent", "separators", "sort_keys")
      var writer = JSONWriter()
      writer.isASCII = options[0]?.isTrue ?? false
      if let indent = options[1], !indent.isNone {
        let text =
          indent.wholeNumber.map { String(repeating: " ", count: min(max($0, 0), 1000)) } ?? indent.text
        if text.utf8.count > 1000 { throw Failure("tojson: the indentation is too long", kind: .limit) }
        writer.indentation = text
        writer.itemSeparator = ","
      }
      if let separators = options[2]?.elements, separators.count == 2 {
        writer.itemSeparator = separators[0].text
        writer.keySeparator = separators[1].text
      }
      writer.sortsKeys = options[3]?.isTrue ?? false
      writer.maximumBytes = interpreter.limits.outputBytes
      return .string(try interpreter.checked(try writer.write(value)))
    },
    "int": { (_, value, arguments) throws(Failure) in
      let options = try arguments.bound("int", "default", "base")
      if case .undefined(let message) = value { throw Failure(message) }
      if case .string(let text) = value, let number = whole(text, base: options[1]?.wholeNumber ?? 10) {
        return .int(number)
      }
      if let number = value.wholeNumber { return .int(number) }
      let number = value.number ?? (value.isNone ? nil : Double(PythonText.stripped(value.text)))
      return number.flatMap { Int(exactly: $0.rounded(.towardZero)) }.map(Value.int) ?? options[0] ?? .int(0)
    },
    "float": { (_, value, arguments) throws(Failure) in
      let options = try arguments.bound("float", "default")
      if case .undefined(let message) = value { throw Failure(message) }
      if let number = value.number { return .float(number) }
      guard case .string(let text) = value else { return options[0] ?? .float(0) }
      return Double(PythonText.stripped(text)).map(Value.float) ?? options[0] ?? .float(0)
    },
    "abs": { (_, value, arguments) throws(Failure) in
      _ = try arguments.bound("abs")
      if case .undefined(let message) = value { throw Failure(message) }
      if case .float(let number) = value { return .float(number.magnitude) }
      guard let number = value.wholeNumber else {
        throw Failure("bad operand type for abs: '\(value.typeName)'")
      }
      return number < 0 ? try Operators.negated(.int(number)) : .int(number)
    },
    "round": { (_, value, arguments) throws(Failure) in
      let options = try arguments.bound("round", "precision", "method")
      guard let number = value.number else { throw Failure("round needs a number, not \(value.typeName)") }
      let digits = options[0]?.wholeNumber ?? 0
      let method = options[1]?.text ?? "common"
      switch method {
      case "common":
        if let whole = value.wholeNumber {
          return .int(
            digits >= 0 ? whole : Int(exactly: DecimalText.rounded(number, digits: digits)) ?? whole)
        }
        return .float(DecimalText.rounded(number, digits: digits))
      case "ceil", "floor":
        var scale = 1.0
        for _ in 0..<min(digits.magnitude, 300) { scale *= 10 }
        if digits < 0 { scale = 1 / scale }
        let scaled = (number * scale).rounded(method == "ceil" ? .up : .down)
        return .float(scaled / scale)
      default: throw Failure("method must be common, ceil or floor")
      }
    },
    "string": { (interpreter, value, arguments) throws(Failure) in
      _ = try arguments.bound("string")
      return .string(try interpreter.checked(value.text))
    },
    "attr": { (interpreter, value, arguments) throws(Failure) in
      guard let name = try arguments.bound("attr", "name")[0] else { throw Failure("attr needs a name") }
      // Unlike the dot, this filter never looks into dictionaries.
      if case .dictionary(let entries) = value, entries[name] != nil,
        CollectionMethods.method(name.text, of: entries) == nil
      {
        return .undefined("'dict object' has no attribute '\(name.text)'")
      }
      return try interpreter.attribute(name.text, of: value)
    },
  ]

  private static let standard: Filter = { (_, value, arguments) throws(Failure) in
    let options = try arguments.bound("default", "default_value", "boolean")
    let replaces = value.isUndefined || (options[1]?.isTrue == true && !value.isTrue)
    return replaces ? options[0] ?? .string("") : value
  }

  /// A whole number as Python's `int` reads it.
  private static func whole(_ text: String, base: Int) -> Int? {
    var digits = PythonText.stripped(text)
    let sign = digits.hasPrefix("-") ? "-" : ""
    if digits.hasPrefix("-") || digits.hasPrefix("+") { digits.removeFirst() }
    if digits.hasPrefix("-") || digits.hasPrefix("+") { return nil }
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where base == radix || base == 0 {
      if digits.lowercased().hasPrefix(prefix) {
        return Int(sign + digits.dropFirst(2), radix: radix)
      }
    }
    guard base == 0 || (2...36).contains(base) else { return nil }
    return Int(sign + digits.replacing("_", with: ""), radix: base == 0 ? 10 : base)
  }
}

extension Interpreter {
  func apply(filter name: String, to value: Value, _ arguments: Arguments) throws(Failure) -> Value {
    guard let filter = Filters.table[name] else { throw Failure("no filter named '\(name)'", kind: .syntax) }
    try chargeLook(value)
    try chargeWalk(arguments)
    return try filter(self, value, arguments)
  }
}
