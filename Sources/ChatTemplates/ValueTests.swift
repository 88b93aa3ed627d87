/// What can stand behind `is`: `value is name(arguments)`.
enum ValueTests {
  typealias Test = @Sendable (Interpreter, Value, Arguments) throws(Failure) -> Bool

  /// Whether there is a test of this name.
  static func exists(_ name: String) -> Bool { table[name] != nil || comparison(name) != nil }

  static let table: [String: Test] = [
    "defined": plain { !$0.isUndefined },
    "undefined": plain { $0.isUndefined },
    "none": plain { $0.isNone },
    "boolean": plain { $0.typeName == "bool" },
    "true": plain { $0.typeName == "bool" && $0.isTrue },
    "false": plain { $0.typeName == "bool" && !$0.isTrue },
    "integer": plain { $0.typeName == "int" },
    "float": plain { $0.typeName == "float" },
    "number": plain { $0.number != nil },
    "string": plain { $0.typeName == "str" },
    "mapping": plain { $0.typeName == "dict" },
    "iterable": plain(isIterable),
    "sequence": plain(isSequence),
    "callable": plain(isCallable),
    "escaped": plain { _ in false },
    "lower": ofText { PythonText.isCased($0, upper: false) },
    "upper": ofText { PythonText.isCased($0, upper: true) },
    "filter": ofText { Filters.table[$0] != nil },
    "test": ofText { exists($0) },
    "odd": { (interpreter, value, _) throws(Failure) in
      try remainder(value, .int(2), interpreter).equals(.int(1))
    },
    "even": { (interpreter, value, _) throws(Failure) in
      try remainder(value, .int(2), interpreter).equals(.int(0))
    },
    "divisibleby": { (interpreter, value, arguments) throws(Failure) in
      try remainder(value, try other(arguments), interpreter).equals(.int(0))
    },
    "sameas": { (_, value, arguments) throws(Failure) in
      let another = try other(arguments)
      return value.typeName == another.typeName && value.equals(another)
    },
  ]

  /// The comparisons that are tests as well, by name or symbol.
  static func comparison(_ name: String) -> Expression.Comparison? {
    switch name {
    case "==", "eq", "equalto": .equal
    case "!=", "ne": .unequal
    case "<", "lt", "lessthan": .less
    case "<=", "le": .lessOrEqual
    case ">", "gt", "greaterthan": .greater
    case ">=", "ge": .greaterOrEqual
    case "in": .isIn
    default: nil
    }
  }

  private static func plain(_ holds: @escaping @Sendable (Value) -> Bool) -> Test {
    { (_, value, arguments) throws(Failure) in
      _ = try arguments.bound("test")
      return holds(value)
    }
  }

  private static func ofText(_ holds: @escaping @Sendable (String) -> Bool) -> Test {
    { (interpreter, value, arguments) throws(Failure) in
      _ = try arguments.bound("test")
      return holds(try interpreter.checked(value.text))
    }
  }

  static func other(_ arguments: Arguments) throws(Failure) -> Value {
    guard let other = try arguments.bound("test", "other")[0] else {
      throw Failure("the test needs an argument")
    }
    return other
  }

  private static func remainder(
    _ value: Value, _ divisor: Value, _ interpreter: Interpreter
  ) throws(Failure) -> Value {
    if case .string = value { throw Failure("the test needs a number, not str") }
    return try Operators.apply(.remainder, value, divisor, interpreter)
  }

  private static func isIterable(_ value: Value) -> Bool {
    switch value {
    case .undefined, .string, .list, .tuple, .dictionary, .view, .generator, .loop: true
    default: false
    }
  }

  /// Whether the value has a length and elements by number; Jinja counts dictionaries and undefined values in.
  private static func isSequence(_ value: Value) -> Bool {
    switch value {
    case .undefined, .string, .list, .tuple, .dictionary: true
    default: false
    }
  }

  private static func isCallable(_ value: Value) -> Bool {
    switch value {
    case .undefined, .macro, .function, .loop: true
    default: false
    }
  }
}

extension Interpreter {
  func apply(test name: String, to value: Value, _ arguments: Arguments) throws(Failure) -> Bool {
    if let comparison = ValueTests.comparison(name) {
      return try compare(value, comparison, try ValueTests.other(arguments))
    }
    try chargeWalk(arguments)
    guard let test = ValueTests.table[name] else { throw Failure("no test named '\(name)'", kind: .syntax) }
    return try test(self, value, arguments)
  }
}
