/// Filters that work on text.
extension Interpreter {
  /// Replaces text after making sure that the result is not too long.
  func replacing(_ old: String, with new: String, in text: String, limit: Int?) throws(Failure) -> String {
    try reserve(bytes: text.utf8.count)
    if new.utf8.count > old.utf8.count {
      try reserve(bytes: new.utf8.count, times: min(PythonText.count(of: old, in: text), limit ?? .max))
    }
    return PythonText.replacing(old, with: new, in: text, limit: limit)
  }
}

extension Filters {
  static let text: [String: Filter] = [
    "upper": plain("upper") { PythonText.uppercased($0) },
    "lower": plain("lower") { PythonText.lowercased($0) },
    "capitalize": plain("capitalize") { PythonText.capitalized($0) },
    "title": plain("title") { PythonText.filterTitled($0) },
    "safe": plain("safe") { $0 },
    "e": plain("escape", escaped),
    "escape": plain("escape", escaped),
    "forceescape": plain("forceescape", escaped),
    "trim": { (interpreter, value, arguments) throws(Failure) in
      let characters = try arguments.bound("trim", "chars")[0]
      let text = try interpreter.checked(value.text)
      let set = characters.flatMap { $0.isNone ? nil : $0.text }
      return .string(PythonText.stripped(text, set))
    },
    "replace": { (interpreter, value, arguments) throws(Failure) in
      let options = try arguments.bound("replace", "old", "new", "count")
      guard let old = options[0]?.text, let new = options[1]?.text else {
        throw Failure("replace needs two texts")
      }
      let limit = options[2]?.wholeNumber.flatMap { $0 < 0 ? nil : $0 }
      return .string(try interpreter.replacing(old, with: new, in: value.text, limit: limit))
    },
    "indent": { (interpreter, value, arguments) throws(Failure) in
      let options = try arguments.bound("indent", "width", "first", "blank")
      if case .undefined(let message) = value { throw Failure(message) }
      guard case .string(let text) = value else { throw Failure("indent needs str, not \(value.typeName)") }
      var indentation = "    "
      if let width = options[0] {
        guard case .string(let given) = width else {
          let count = max(width.wholeNumber ?? 4, 0)
          try interpreter.reserve(bytes: 1, times: count)
          return .string(
            try indented(
              text, String(repeating: " ", count: count), options[1]?.isTrue ?? false,
              options[2]?.isTrue ?? false,
              interpreter))
        }
        indentation = given
      }
      return .string(
        try indented(text, indentation, options[1]?.isTrue ?? false, options[2]?.isTrue ?? false, interpreter)
      )
    },
    "center": { (interpreter, value, arguments) throws(Failure) in
      let width = try arguments.bound("center", "width")[0] ?? .int(80)
      guard let center = StringMethods.paddingMethod("center", of: value.text) else { return value }
      return try center.call(interpreter, Arguments(positional: [width]))
    },
    "format": { (interpreter, value, arguments) throws(Failure) in
      if arguments.named.isEmpty {
        return .string(
          try interpreter.checked(
            try StringFormat.percent(value.text, .tuple(arguments.positional), interpreter)))
      }
      if !arguments.positional.isEmpty {
        throw Failure("format takes arguments either all with names or none")
      }
      var entries = ValueDictionary()
      for (name, value) in arguments.named { entries.set(.string(name), value) }
      return .string(
        try interpreter.checked(try StringFormat.percent(value.text, .dictionary(entries), interpreter)))
    },
    "truncate": { (_, value, arguments) throws(Failure) in
      let options = try arguments.bound("truncate", "length", "killwords", "end", "leeway")
      let most = 1 << 40  // more than any text has; sums of it do not overflow
      let length = max(-1, min(options[0]?.wholeNumber ?? 255, most))
      let end = options[2]?.text ?? "..."
      let leeway = max(-1, min(options[3]?.wholeNumber ?? 5, most))
      let scalars = Array(value.text.unicodeScalars)
      let kept = length - end.unicodeScalars.count
      if kept < 0 || leeway < 0 { throw Failure("truncate: the length is too small") }
      if scalars.count <= length + leeway { return .string(value.text) }
      let cut = PythonText.string(scalars.prefix(kept))
      if options[1]?.isTrue == true { return .string(cut + end) }
      return .string(PythonText.piecesFromRight(of: cut, separator: " ", limit: 1)[0] + end)
    },
    "wordcount": { (_, value, arguments) throws(Failure) in
      _ = try arguments.bound("wordcount")
      var count = 0
      var isInWord = false
      for scalar in value.text.unicodeScalars {
        let isWord = scalar == "_" || StringMethods.isLetter(scalar) || scalar.properties.numericType != nil
        if isWord, !isInWord { count += 1 }
        isInWord = isWord
      }
      return .int(count)
    },
  ]

  private static func plain(_ name: String, _ change: @escaping @Sendable (String) -> String) -> Filter {
    { (interpreter, value, arguments) throws(Failure) in
      _ = try arguments.bound(name)
      return .string(change(try interpreter.checked(value.text)))
    }
  }

  private static func escaped(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result.append(contentsOf: "&amp;".unicodeScalars)
      case "<": result.append(contentsOf: "&lt;".unicodeScalars)
      case ">": result.append(contentsOf: "&gt;".unicodeScalars)
      case "'": result.append(contentsOf: "&#39;".unicodeScalars)
      case "\"": result.append(contentsOf: "&#34;".unicodeScalars)
      default: result.append(scalar)
      }
    }
    return String(result)
  }

  private static func indented(
    _ text: String, _ indentation: String, _ first: Bool, _ blank: Bool, _ interpreter: Interpreter
  ) throws(Failure) -> String {
    // The line end that is added here keeps a last empty line.
    try interpreter.reserve(objects: PythonText.lineEndCount(text) + 1)
    let lines = PythonText.lines(text + "\n")
    try interpreter.reserve(bytes: indentation.utf8.count + 1, times: lines.count)
    var result = first ? indentation : ""
    for (index, line) in lines.enumerated() {
      if index > 0 { result += "\n" + (line.isEmpty && !blank ? "" : indentation) }
      result += line
    }
    return result
  }
}
