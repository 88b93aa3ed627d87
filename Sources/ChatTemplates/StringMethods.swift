/// The methods of texts.
enum StringMethods {
  static func method(_ name: String, of text: String) -> Function? {
    if let simple = simple[name] {
      return Function(name, of: .string(text)) { (interpreter, arguments) throws(Failure) in
        try interpreter.reserve(bytes: text.utf8.count)
        _ = try arguments.bound(name)
        return simple(text)
      }
    }
    if let method = withArguments[name] {
      return Function(name, of: .string(text)) { (interpreter, arguments) throws(Failure) in
        try interpreter.reserve(bytes: text.utf8.count)
        let result = try method(text, arguments, interpreter)
        if case .string(let made) = result { try interpreter.reserve(bytes: made.utf8.count) }
        return result
      }
    }
    return paddingMethod(name, of: text)
  }

  private static let simple: [String: @Sendable (String) -> Value] = [
    "upper": { .string(PythonText.uppercased($0)) },
    "lower": { .string(PythonText.lowercased($0)) },
    "casefold": { .string(PythonText.lowercased($0).replacingSharpS) },
    "capitalize": { .string(PythonText.capitalized($0)) },
    "title": { .string(PythonText.titled($0)) },
    "swapcase": { .string(PythonText.swappedCase($0)) },
    "isupper": { .bool(PythonText.isCased($0, upper: true)) },
    "islower": { .bool(PythonText.isCased($0, upper: false)) },
    "isspace": { .bool(every($0, PythonText.isSpace)) },
    "isalpha": { .bool(every($0, isLetter)) },
    "isalnum": { .bool(every($0) { isLetter($0) || $0.properties.numericType != nil }) },
    "isdecimal": { .bool(every($0) { $0.properties.numericType == .decimal }) },
    "isdigit": {
      .bool(every($0) { $0.properties.numericType == .decimal || $0.properties.numericType == .digit })
    },
    "isnumeric": { .bool(every($0) { $0.properties.numericType != nil }) },
    "isascii": { .bool($0.utf8.allSatisfy { $0 < 0x80 }) },
    "isidentifier": { text in
      let scalars = text.unicodeScalars
      guard let first = scalars.first, first == "_" || first.properties.isXIDStart else {
        return .bool(false)
      }
      return .bool(scalars.allSatisfy { $0.properties.isXIDContinue })
    },
    "istitle": { .bool(PythonText.titled($0) == $0 && $0.unicodeScalars.contains { $0.properties.isCased }) },
  ]

  private typealias Method = @Sendable (String, Arguments, Interpreter) throws(Failure) -> Value

  private static let withArguments: [String: Method] = [
    "strip": { (text, arguments, _) throws(Failure) in try strip(text, arguments, "strip", .both) },
    "lstrip": { (text, arguments, _) throws(Failure) in try strip(text, arguments, "lstrip", .left) },
    "rstrip": { (text, arguments, _) throws(Failure) in try strip(text, arguments, "rstrip", .right) },
    "split": { (text, arguments, interpreter) throws(Failure) in
      try split(text, arguments, interpreter, fromRight: false)
    },
    "rsplit": { (text, arguments, interpreter) throws(Failure) in
      try split(text, arguments, interpreter, fromRight: true)
    },
    "splitlines": { (text, arguments, interpreter) throws(Failure) in
      let keeps = try arguments.bound("splitlines", "keepends")[0]?.isTrue ?? false
      try interpreter.reserve(objects: PythonText.lineEndCount(text))
      return .list(PythonText.lines(text, keepsEnds: keeps).map(Value.string))
    },
    "partition": { (text, arguments, _) throws(Failure) in try partition(text, arguments, fromRight: false) },
    "rpartition": { (text, arguments, _) throws(Failure) in try partition(text, arguments, fromRight: true) },
    "replace": { (text, arguments, interpreter) throws(Failure) in
      let values = try arguments.bound("replace", "old", "new", "count")
      let limit = values[2]?.wholeNumber.flatMap { $0 < 0 ? nil : $0 }
      let old = try string(values[0], "replace")
      let new = try string(values[1], "replace")
      return .string(try interpreter.replacing(old, with: new, in: text, limit: limit))
    },
    "removeprefix": { (text, arguments, _) throws(Failure) in
      let prefix = try string(try arguments.bound("removeprefix", "prefix")[0], "removeprefix")
      let bytes = Array(text.utf8)
      return .string(
        bytes.starts(with: prefix.utf8)
          ? String(decoding: bytes.dropFirst(prefix.utf8.count), as: UTF8.self) : text)
    },
    "removesuffix": { (text, arguments, _) throws(Failure) in
      let suffix = Array(try string(try arguments.bound("removesuffix", "suffix")[0], "removesuffix").utf8)
      let bytes = Array(text.utf8)
      return .string(
        bytes.suffix(suffix.count).elementsEqual(suffix)
          ? String(decoding: bytes.dropLast(suffix.count), as: UTF8.self) : text)
    },
    "startswith": { (text, arguments, _) throws(Failure) in
      try matches(text, arguments, "startswith") { $0.starts(with: $1) }
    },
    "endswith": { (text, arguments, _) throws(Failure) in
      try matches(text, arguments, "endswith") {
        $0.suffix($1.count).elementsEqual($1) && $1.count <= $0.count
      }
    },
    "find": { (text, arguments, _) throws(Failure) in try find(text, arguments, "find") },
    "rfind": { (text, arguments, _) throws(Failure) in try find(text, arguments, "rfind") },
    "index": { (text, arguments, _) throws(Failure) in try find(text, arguments, "index") },
    "rindex": { (text, arguments, _) throws(Failure) in try find(text, arguments, "rindex") },
    "count": { (text, arguments, _) throws(Failure) in
      .int(PythonText.count(of: try string(try arguments.bound("count", "sub")[0], "count"), in: text))
    },
    "join": { (text, arguments, interpreter) throws(Failure) in
      guard let row = try arguments.bound("join", "iterable")[0],
        let elements = try interpreter.elements(of: row)
      else { throw Failure("can only join an iterable") }
      var parts: [String] = []
      var length = 0
      for element in elements {
        parts.append(try string(element, "join"))
        length += (parts.last?.utf8.count ?? 0) + text.utf8.count
      }
      try interpreter.reserve(bytes: length)
      return .string(parts.joined(separator: text))
    },
    "format": { (text, arguments, interpreter) throws(Failure) in
      .string(try StringFormat.braces(text, arguments, interpreter))
    },
  ]
}
