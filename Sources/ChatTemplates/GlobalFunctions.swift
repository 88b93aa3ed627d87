/// The functions that every template can call.
enum GlobalFunctions {
  /// Python's sandbox refuses longer ranges too.
  private static let maximumRange = 100_000

  static func function(_ name: String) -> Function? {
    switch name {
    case "range": range
    case "dict": dictionary
    case "namespace": namespace
    case "raise_exception": raiseException
    case "strftime_now": timeNow
    case "joiner": joiner
    case "cycler": cycler
    default: nil
    }
  }

  private static var range: Function {
    Function("range") { (interpreter, arguments) throws(Failure) in
      var bounds: [Int] = []
      for value in arguments.positional {
        if case .undefined(let message) = value { throw Failure(message) }
        guard let bound = value.wholeNumber else { throw Failure("range needs whole numbers") }
        bounds.append(bound)
      }
      guard (1...3).contains(bounds.count), arguments.named.isEmpty else {
        throw Failure("range takes one to three numbers")
      }
      let start = bounds.count == 1 ? 0 : bounds[0]
      let stop = bounds.count == 1 ? bounds[0] : bounds[1]
      let step = bounds.count == 3 ? bounds[2] : 1
      if step == 0 { throw Failure("range step must not be zero") }
      let (distance, overflow) = stop.subtractingReportingOverflow(start)
      if overflow || step == .min { throw Failure("range is too big", kind: .limit) }
      let count =
        (distance > 0) == (step > 0) ? (distance.magnitude + step.magnitude - 1) / step.magnitude : 0
      if count > maximumRange {
        throw Failure("range is too big, maximum size is \(maximumRange)", kind: .limit)
      }
      try interpreter.charge(Int(count))
      return .list((0..<Int(count)).map { .int(start + $0 * step) })
    }
  }

  private static var dictionary: Function {
    Function("dict") { (interpreter, arguments) throws(Failure) in
      .dictionary(try entries(arguments, interpreter))
    }
  }

  private static var namespace: Function {
    Function("namespace") { (interpreter, arguments) throws(Failure) in
      let attributes = try entries(arguments, interpreter)
      if attributes.keys.contains(where: { $0.text.utf8.first == UInt8(ascii: "_") }) {
        throw Failure("namespace attributes cannot begin with _")
      }
      return .namespace(try interpreter.makeNamespace(attributes))
    }
  }

  /// What `dict(...)` makes of its arguments: a dictionary or pairs, and named values.
  private static func entries(
    _ arguments: Arguments, _ interpreter: Interpreter
  ) throws(Failure) -> ValueDictionary {
    if arguments.positional.count > 1 { throw Failure("dict expected at most 1 argument") }
    var entries = ValueDictionary()
    if case .dictionary(let given) = arguments.positional.first {
      // A dictionary is only copied where something is added to it.
      if !arguments.named.isEmpty { try interpreter.reserve(objects: given.count) }
      entries = given
    } else if let pairs = arguments.positional.first {
      guard let elements = try interpreter.elements(of: pairs) else {
        throw Failure("'\(pairs.typeName)' object is not iterable")
      }
      try interpreter.reserve(objects: elements.count)
      for element in elements {
        guard let pair = try interpreter.elements(of: element), pair.count == 2 else {
          throw Failure("dict needs pairs")
        }
        if !entries.set(pair[0], pair[1]) { throw Failure("unhashable type: '\(pair[0].typeName)'") }
      }
    }
    for (name, value) in arguments.named { entries.set(.string(name), value) }
    return entries
  }

  private static var raiseException: Function {
    Function("raise_exception") { (_, arguments) throws(Failure) in
      let message = try arguments.bound("raise_exception", "message")[0]
      throw Failure(message?.text ?? "", kind: .raised)
    }
  }

  private static var timeNow: Function {
    Function("strftime_now") { (interpreter, arguments) throws(Failure) in
      guard case .string(let format) = try arguments.bound("strftime_now", "format")[0] else {
        throw Failure("strftime_now needs a format")
      }
      try interpreter.reserve(bytes: format.utf8.count, times: 40)
      return .string(try DecimalText.formatted(time: interpreter.time, format))
    }
  }

  private static var joiner: Function {
    Function("joiner") { (_, arguments) throws(Failure) in
      let separator = try arguments.bound("joiner", "sep")[0] ?? .string(", ")
      var isUsed = false
      return .function(
        Function("joiner", of: separator) { (_, _) throws(Failure) in
          defer { isUsed = true }
          return isUsed ? separator : .string("")
        })
    }
  }

  private static var cycler: Function {
    Function("cycler") { (interpreter, arguments) throws(Failure) in
      let items = arguments.positional
      if items.isEmpty { throw Failure("at least one item has to be provided") }
      let state = try interpreter.makeNamespace(ValueDictionary())
      var position = 0
      state.attributes.set(.string("current"), items[0])
      let next = Function("next", of: .tuple(items)) { (_, _) throws(Failure) in
        defer {
          position = (position + 1) % items.count
          state.attributes.set(.string("current"), items[position])
        }
        return items[position]
      }
      state.attributes.set(.string("next"), .function(next))
      return .namespace(state)
    }
  }
}
