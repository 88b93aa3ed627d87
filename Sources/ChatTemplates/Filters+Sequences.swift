/// Filters that work on rows of values.
extension Filters {
  static let sequences: [String: Filter] = [
    "length": length,
    "count": length,
    "list": { (interpreter, value, arguments) throws(Failure) in
      _ = try arguments.bound("list")
      return .list(try interpreter.checked(try elements(of: value, "list", interpreter)))
    },
    "first": { (interpreter, value, arguments) throws(Failure) in
      _ = try arguments.bound("first")
      if case .generator(let generator) = value {
        return generator.takeFirst() ?? .undefined("No first item, sequence was empty.")
      }
      return try elements(of: value, "first", interpreter).first
        ?? .undefined("No first item, sequence was empty.")
    },
    "last": { (interpreter, value, arguments) throws(Failure) in
      _ = try arguments.bound("last")
      if case .generator = value { throw Failure("'generator' object is not reversible") }
      return try elements(of: value, "last", interpreter).last
        ?? .undefined("No last item, sequence was empty.")
    },
    "reverse": { (interpreter, value, arguments) throws(Failure) in
      _ = try arguments.bound("reverse")
      if case .string(let text) = value { return .string(PythonText.string(text.unicodeScalars.reversed())) }
      let elements = try elements(of: value, "reverse", interpreter)
      try interpreter.charge(elements.count)
      return .generator(Generator(elements.reversed()))
    },
    "join": { (interpreter, value, arguments) throws(Failure) in
      let options = try arguments.bound("join", "d", "attribute")
      var elements = try elements(of: value, "join", interpreter)
      if let attribute = options[1], !attribute.isNone {
        elements = try map(elements) { (element) throws(Failure) in
          try interpreter.look(up: attribute, in: element)
        }
      }
      let separator = options[0]?.text ?? ""
      var text = ""
      for (index, element) in elements.enumerated() {
        if index > 0 { text += separator }
        text += element.text
        if text.utf8.count > interpreter.limits.outputBytes { break }
      }
      return .string(try interpreter.checked(text))
    },
    "sum": { (interpreter, value, arguments) throws(Failure) in
      let options = try arguments.bound("sum", "attribute", "start")
      var total = options[1] ?? .int(0)
      for element in try elements(of: value, "sum", interpreter) {
        let part = try options[0].map { (name) throws(Failure) in try interpreter.look(up: name, in: element)
        }
        total = try Operators.apply(.add, total, part ?? element, interpreter)
      }
      return total
    },
    "items": { (interpreter, value, arguments) throws(Failure) in
      _ = try arguments.bound("items")
      if value.isUndefined { return .generator(Generator([])) }
      guard case .dictionary(let entries) = value else {
        throw Failure("can only get item pairs from a mapping")
      }
      try interpreter.reserve(objects: entries.count)
      return .generator(Generator(entries.items))
    },
    "dictsort": { (interpreter, value, arguments) throws(Failure) in
      let options = try arguments.bound("dictsort", "case_sensitive", "by", "reverse")
      guard case .dictionary(let entries) = value else { throw Failure("dictsort needs a dict") }
      let by = options[1]?.text ?? "key"
      guard by == "key" || by == "value" else {
        throw Failure("you can only sort by either \"key\" or \"value\"")
      }
      let keys = by == "key" ? entries.keys : entries.values
      try interpreter.reserve(objects: entries.count)
      let isSensitive = options[0]?.isTrue ?? false
      return .list(
        try sorted(
          entries.items, by: isSensitive ? keys : keys.map(\.ignoringCase),
          descending: options[2]?.isTrue ?? false,
          interpreter))
    },
    "sort": { (interpreter, value, arguments) throws(Failure) in
      let options = try arguments.bound("sort", "reverse", "case_sensitive", "attribute")
      let elements = try elements(of: value, "sort", interpreter)
      let isSensitive = options[1]?.isTrue ?? false
      let attributes = try options[2].map { (attribute) throws(Failure) in
        guard case .string(let names) = attribute else { return [attribute] }
        try Interpreter.checkPath(names)
        return PythonText.pieces(of: names, separator: ",").map(Value.string)
      }
      let keys = try map(elements) { (element) throws(Failure) in
        let parts = try attributes.map { (names) throws(Failure) in
          try map(names) { (name) throws(Failure) in try interpreter.look(up: name, in: element) }
        }
        let found = parts ?? [element]
        return .tuple(isSensitive ? found : found.map(\.ignoringCase))
      }
      return .list(try sorted(elements, by: keys, descending: options[0]?.isTrue ?? false, interpreter))
    },
    "unique": { (interpreter, value, arguments) throws(Failure) in
      let options = try arguments.bound("unique", "case_sensitive", "attribute")
      var seen: Set<ValueKey> = []
      var kept: [Value] = []
      for element in try elements(of: value, "unique", interpreter) {
        let part = try options[1].map { (name) throws(Failure) in try interpreter.look(up: name, in: element)
        }
        let found = part ?? element
        try interpreter.charge(2)
        try interpreter.chargeWalk(found, bytesPerStep: 16)
        guard let key = ValueKey(options[0]?.isTrue == true ? found : found.ignoringCase) else {
          throw Failure("unhashable type: '\(found.typeName)'")
        }
        if seen.insert(key).inserted { kept.append(element) }
      }
      return .generator(Generator(kept))
    },
    "min": { (interpreter, value, arguments) throws(Failure) in
      try extreme("min", value, arguments, interpreter) { (new, best) throws(Failure) in
        try new.isLess(than: best)
      }
    },
    "max": { (interpreter, value, arguments) throws(Failure) in
      try extreme("max", value, arguments, interpreter) { (new, best) throws(Failure) in
        try best.isLess(than: new)
      }
    },
    "batch": { (interpreter, value, arguments) throws(Failure) in
      let options = try arguments.bound("batch", "linecount", "fill_with")
      guard let size = options[0]?.wholeNumber, size > 0, size <= 100_000 else {
        throw Failure("batch needs a size")
      }
      let elements = try elements(of: value, "batch", interpreter)
      try interpreter.charge(elements.count + size)
      var rows = stride(from: 0, to: elements.count, by: size).map { start in
        Array(elements[start..<min(start + size, elements.count)])
      }
      if let fill = options[1], !fill.isNone, let last = rows.last, last.count < size {
        rows[rows.count - 1] += [Value](repeating: fill, count: size - last.count)
      }
      return .generator(Generator(rows.map(Value.list)))
    },
  ]

  private static let length: Filter = { (_, value, arguments) throws(Failure) in
    _ = try arguments.bound("length")
    guard let length = value.length else { throw Failure("object of type '\(value.typeName)' has no len()") }
    return .int(length)
  }

  static func elements(
    of value: Value, _ filter: String, _ interpreter: Interpreter
  ) throws(Failure) -> [Value] {
    guard let elements = try interpreter.elements(of: value) else {
      throw Failure("\(filter): '\(value.typeName)' object is not iterable")
    }
    return elements
  }

  static func map(
    _ values: [Value], _ change: (Value) throws(Failure) -> Value
  ) throws(Failure) -> [Value] {
    var result: [Value] = []
    result.reserveCapacity(values.count)
    for value in values { result.append(try change(value)) }
    return result
  }

  private static func sorted(
    _ values: [Value], by keys: [Value], descending: Bool, _ interpreter: Interpreter
  ) throws(Failure) -> [Value] {
    try interpreter.charge(20 * keys.count)
    for key in keys { try interpreter.chargeWalk(key, times: 20) }
    let order = try Sorting.sorted(Array(values.indices)) { (left, right) throws(Failure) in
      try descending ? keys[right].isLess(than: keys[left]) : keys[left].isLess(than: keys[right])
    }
    return order.map { values[$0] }
  }

  private static func extreme(
    _ name: String, _ value: Value, _ arguments: Arguments, _ interpreter: Interpreter,
    _ isBetter: (Value, Value) throws(Failure) -> Bool
  ) throws(Failure) -> Value {
    let options = try arguments.bound(name, "case_sensitive", "attribute")
    var best: (value: Value, key: Value)?
    for element in try elements(of: value, name, interpreter) {
      let part = try options[1].map { (name) throws(Failure) in try interpreter.look(up: name, in: element) }
      let found = part ?? element
      try interpreter.charge()
      try interpreter.chargeWalk(found, bytesPerStep: 16)
      let key = options[0]?.isTrue == true ? found : found.ignoringCase
      guard let current = best else {
        best = (element, key)
        continue
      }
      if try isBetter(key, current.key) { best = (element, key) }
    }
    return best?.value ?? .undefined("No aggregated item, sequence was empty.")
  }
}
