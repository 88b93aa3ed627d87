/// Filters that change or choose the elements of a row.
extension Filters {
  static let selection: [String: Filter] = [
    "map": { (interpreter, value, arguments) throws(Failure) in
      if value.isUndefined { return .generator(Generator([])) }
      let elements = try elements(of: value, "map", interpreter)
      guard let change = arguments.positional.first else {
        let options = try arguments.bound("map", "attribute", "default")
        // Without a filter's name `attribute` must be given by its name.
        guard let attribute = options[0] else { throw Failure("map requires a filter argument") }
        return .generator(
          Generator(
            try map(elements) { (element) throws(Failure) in
              let found = try interpreter.look(up: attribute, in: element, missing: options[1])
              return found
            }))
      }
      let rest = Arguments(positional: Array(arguments.positional.dropFirst()), named: arguments.named)
      return .generator(
        Generator(
          try map(elements) { (element) throws(Failure) in
            try interpreter.charge()
            return try interpreter.apply(filter: change.text, to: element, rest)
          }))
    },
    "select": { (interpreter, value, arguments) throws(Failure) in
      try select(interpreter, value, arguments, byAttribute: false, wanted: true)
    },
    "reject": { (interpreter, value, arguments) throws(Failure) in
      try select(interpreter, value, arguments, byAttribute: false, wanted: false)
    },
    "selectattr": { (interpreter, value, arguments) throws(Failure) in
      try select(interpreter, value, arguments, byAttribute: true, wanted: true)
    },
    "rejectattr": { (interpreter, value, arguments) throws(Failure) in
      try select(interpreter, value, arguments, byAttribute: true, wanted: false)
    },
    "groupby": { (interpreter, value, arguments) throws(Failure) in
      let options = try arguments.bound("groupby", "attribute", "default", "case_sensitive")
      guard let attribute = options[0] else { throw Failure("groupby needs an attribute") }
      let isSensitive = options[2]?.isTrue ?? false
      let elements = try elements(of: value, "groupby", interpreter)
      var groups: [(key: Value, sortKey: Value, members: [Value])] = []
      var positions: [ValueKey: Int] = [:]
      for element in elements {
        let found = try interpreter.look(up: attribute, in: element, missing: options[1])
        try interpreter.chargeWalk(found, times: 20)
        try interpreter.reserve(objects: 5)
        let sortKey = isSensitive ? found : found.ignoringCase
        guard let key = ValueKey(sortKey) else { throw Failure("unhashable type: '\(found.typeName)'") }
        if let position = positions[key] {
          groups[position].members.append(element)
        } else {
          positions[key] = groups.count
          groups.append((found, sortKey, [element]))
        }
      }
      let sorted = try Sorting.sorted(groups) { (left, right) throws(Failure) in
        try left.sortKey.isLess(than: right.sortKey)
      }
      return .list(sorted.map { .tuple([$0.key, .list($0.members)]) })
    },
  ]

  private static func select(
    _ interpreter: Interpreter, _ value: Value, _ arguments: Arguments, byAttribute: Bool, wanted: Bool
  ) throws(Failure) -> Value {
    if value.isUndefined { return .generator(Generator([])) }
    var rest = arguments.positional[...]
    let attribute = byAttribute ? rest.popFirst() : nil
    if byAttribute, attribute == nil { throw Failure("missing parameter for attribute name") }
    let test = rest.popFirst()
    let testArguments = Arguments(positional: Array(rest), named: arguments.named)
    var kept: [Value] = []
    for element in try elements(of: value, "select", interpreter) {
      try interpreter.charge()
      let part = try attribute.map { (name) throws(Failure) in try interpreter.look(up: name, in: element) }
      let subject = part ?? element
      let holds =
        test == nil
        ? subject.isTrue : try interpreter.apply(test: test?.text ?? "", to: subject, testArguments)
      if holds == wanted { kept.append(element) }
    }
    return .generator(Generator(kept))
  }
}

extension Interpreter {
  /// Refuses a path of names that is longer than any template's.
  static func checkPath(_ names: String) throws(Failure) {
    if names.utf8.count > 1000 { throw Failure("an attribute's name is too long", kind: .limit) }
  }

  /// What `attribute` filters look at: a name, names with dots between them, or a number.
  func look(up path: Value, in value: Value, missing: Value? = nil) throws(Failure) -> Value {
    guard case .string(let names) = path else { return try element(path, of: value) }
    try Self.checkPath(names)
    try charge(1 + names.utf8.count / 4)
    var current = value
    for name in PythonText.pieces(of: names, separator: ".") {
      let isNumber = !name.isEmpty && name.utf8.allSatisfy { (0x30...0x39).contains($0) }
      let index = isNumber ? Int(name).map(Value.int) : nil
      current = try element(index ?? .string(name), of: current)
      if let missing, current.isUndefined { current = missing }
    }
    return current
  }
}
