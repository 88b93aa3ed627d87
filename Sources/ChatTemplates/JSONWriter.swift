/// Values as JSON, spelled as Python's `json.dumps` does with the settings of transformers' `tojson`.
struct JSONWriter {
  var isASCII = false
  /// What one level is indented by; nil for a single line.
  var indentation: String?
  var itemSeparator = ", "
  var keySeparator = ": "
  var sortsKeys = false
  /// How long the text may become.
  var maximumBytes = 16 << 20

  private var result = ""
  private var level = 0
  private static let maximumLevel = 200

  init() {}

  mutating func write(_ value: Value) throws(Failure) -> String {
    result = ""
    try append(value)
    return result
  }

  private mutating func append(_ value: Value) throws(Failure) {
    if result.utf8.count > maximumBytes { throw Failure("the JSON is too long", kind: .limit) }
    switch value {
    case .none: result += "null"
    case .bool(let truth): result += truth ? "true" : "false"
    case .int(let number): result += String(number)
    case .float(let number): result += Self.text(number)
    case .string(let text): append(text)
    case .list(let elements), .tuple(let elements):
      try append("[", "]", count: elements.count) { (writer, index) throws(Failure) in
        try writer.append(elements[index])
      }
    case .dictionary(let entries):
      var order = Array(entries.keys.indices)
      if sortsKeys {
        let keys = entries.keys
        order = try Sorting.sorted(order) { (left, right) throws(Failure) in
          try keys[left].isLess(than: keys[right])
        }
      }
      try append("{", "}", count: order.count) { (writer, index) throws(Failure) in
        try writer.append(key: entries.keys[order[index]])
        writer.result += writer.keySeparator
        try writer.append(entries.values[order[index]])
      }
    default: throw Failure("object of type \(value.typeName) is not JSON serializable")
    }
  }

  private mutating func append(
    _ opening: String, _ closing: String, count: Int,
    _ element: (inout JSONWriter, Int) throws(Failure) -> Void
  ) throws(Failure) {
    if count == 0 {
      result += opening + closing
      return
    }
    level += 1
    defer { level -= 1 }
    if level > Self.maximumLevel { throw Failure("JSON is nested too deep", kind: .limit) }
    result += opening
    for index in 0..<count {
      if index > 0 { result += itemSeparator }
      breakLine(level)
      try element(&self, index)
    }
    breakLine(level - 1)
    result += closing
  }

  private mutating func breakLine(_ level: Int) {
    guard let indentation else { return }
    result += "\n" + String(repeating: indentation, count: level)
  }

  private mutating func append(key: Value) throws(Failure) {
    switch key {
    case .string(let text): append(text)
    case .none: result += "\"null\""
    case .bool(let truth): result += truth ? "\"true\"" : "\"false\""
    case .int(let number): result += "\"\(number)\""
    case .float(let number): result += "\"\(Self.text(number))\""
    default: throw Failure("keys must be str, int, float, bool or None, not \(key.typeName)")
    }
  }

  private static func text(_ number: Double) -> String {
    if number.isNaN { return "NaN" }
    if number.isInfinite { return number < 0 ? "-Infinity" : "Infinity" }
    return PythonText.representation(of: number)
  }

  private mutating func append(_ text: String) {
    var quoted = String.UnicodeScalarView()
    quoted.append("\"")
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted.append(contentsOf: "\\\"".unicodeScalars)
      case "\\": quoted.append(contentsOf: "\\\\".unicodeScalars)
      case "\n": quoted.append(contentsOf: "\\n".unicodeScalars)
      case "\r": quoted.append(contentsOf: "\\r".unicodeScalars)
      case "\t": quoted.append(contentsOf: "\\t".unicodeScalars)
      case "\u{8}": quoted.append(contentsOf: "\\b".unicodeScalars)
      case "\u{C}": quoted.append(contentsOf: "\\f".unicodeScalars)
      case _ where scalar.value < 0x20 || (isASCII && scalar.value > 0x7E):
        for unit in String(Character(scalar)).utf16 {
          let code = String(unit, radix: 16)
          quoted.append(
            contentsOf: ("\\u" + String(repeating: "0", count: 4 - code.count) + code).unicodeScalars)
        }
      default: quoted.append(scalar)
      }
    }
    quoted.append("\"")
    result += String(quoted)
  }
}
