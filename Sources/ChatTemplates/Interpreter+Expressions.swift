/// The values of expressions.
extension Interpreter {
  func evaluate(_ expression: Expression, _ scope: Scope) throws(Failure) -> Value {
    try nested { () throws(Failure) in try value(of: expression, scope) }
  }

  private func value(of expression: Expression, _ scope: Scope) throws(Failure) -> Value {
    try charge()
    at(line: expression.line)
    switch expression.kind {
    case .constant(let constant): return Value(constant)
    case .captured: return .string(captured)
    case .name(let name):
      return scope[name] ?? GlobalFunctions.function(name).map(Value.function)
        ?? .undefined("'\(name)' is undefined")
    case .list(let elements): return .list(try evaluate(elements, scope))
    case .tuple(let elements): return .tuple(try evaluate(elements, scope))
    case .dictionary(let entries):
      var dictionary = ValueDictionary()
      for entry in entries {
        let key = try evaluate(entry.key, scope)
        try chargeLook(key)
        if !dictionary.set(key, try evaluate(entry.value, scope)) {
          throw Failure("unhashable type: '\(key.typeName)'")
        }
      }
      return .dictionary(dictionary)
    case .unary(let operation, let operand): return try unary(operation, try evaluate(operand, scope))
    case .binary(let operation, let left, let right):
      return try Operators.apply(operation, try evaluate(left, scope), try evaluate(right, scope), self)
    case .and(let left, let right):
      let first = try evaluate(left, scope)
      return first.isTrue ? try evaluate(right, scope) : first
    case .or(let left, let right):
      let first = try evaluate(left, scope)
      return first.isTrue ? first : try evaluate(right, scope)
    case .comparison(let first, let links): return .bool(try compare(first, links, scope))
    case .concatenation(let operands):
      var text = ""
      for operand in operands {
        text += try evaluate(operand, scope).text
        try reserve(bytes: text.utf8.count)
      }
      return .string(text)
    case .conditional(let test, let then, let otherwise):
      if try evaluate(test, scope).isTrue { return try evaluate(then, scope) }
      if let otherwise { return try evaluate(otherwise, scope) }
      return .undefined("the inline if-expression evaluated to false and no else section was defined")
    case .attribute(let base, let name): return try attribute(name, of: try evaluate(base, scope))
    case .element(let base, let index):
      let value = try evaluate(base, scope)
      return try element(try evaluate(index, scope), of: value)
    case .slice(let base, let start, let stop, let step):
      let value = try evaluate(base, scope)
      return try slice(
        value, try evaluate(start, scope), try evaluate(stop, scope), try evaluate(step, scope))
    case .call: return try evaluateCall(expression, scope, caller: nil)
    case .filter(let operand, let name, let arguments):
      let value = try evaluate(operand, scope)
      return try apply(filter: name, to: value, try evaluate(arguments, scope))
    case .test(let operand, let name, let arguments):
      let value = try evaluate(operand, scope)
      return .bool(try apply(test: name, to: value, try evaluate(arguments, scope)))
    }
  }

  private func evaluate(_ expressions: [Expression], _ scope: Scope) throws(Failure) -> [Value] {
    var values: [Value] = []
    for expression in expressions { values.append(try evaluate(expression, scope)) }
    return values
  }

  private func evaluate(_ expression: Expression?, _ scope: Scope) throws(Failure) -> Value {
    if let expression { try evaluate(expression, scope) } else { .none }
  }

  private func unary(_ operation: Expression.UnaryOperator, _ operand: Value) throws(Failure) -> Value {
    switch operation {
    case .not: return .bool(!operand.isTrue)
    case .minus: return try Operators.negated(operand)
    case .plus:
      if case .undefined(let message) = operand { throw Failure(message) }
      guard operand.number != nil else {
        throw Failure("bad operand type for unary +: '\(operand.typeName)'")
      }
      return operand.wholeNumber.map(Value.int) ?? operand
    }
  }

  private func compare(
    _ first: Expression, _ links: [Expression.Link], _ scope: Scope
  ) throws(Failure) -> Bool {
    var left = try evaluate(first, scope)
    for link in links {
      let right = try evaluate(link.operand, scope)
      if try !compare(left, link.comparison, right) { return false }
      left = right
    }
    return true
  }

  func compare(_ left: Value, _ comparison: Expression.Comparison, _ right: Value) throws(Failure) -> Bool {
    try chargeWalk(left)
    try chargeWalk(right)
    switch comparison {
    case .equal: return left.equals(right)
    case .unequal: return !left.equals(right)
    case .less: return try left.isLess(than: right, "<")
    case .greater: return try right.isLess(than: left, ">")
    case .lessOrEqual:
      if try left.isLess(than: right, "<=") { return true }
      return left.equals(right)
    case .greaterOrEqual:
      if try right.isLess(than: left, ">=") { return true }
      return left.equals(right)
    case .isIn: return try right.contains(left)
    case .isNotIn: return try !right.contains(left)
    }
  }

  // MARK: - Calls

  func evaluateCall(_ expression: Expression, _ scope: Scope, caller: Macro?) throws(Failure) -> Value {
    guard case .call(let callee, let arguments) = expression.kind else { throw Failure("expected a call") }
    let function = try evaluate(callee, scope)
    let values = try evaluate(arguments, scope)
    at(line: expression.line)
    return try call(function, values, caller: caller)
  }

  func call(_ callee: Value, _ arguments: Arguments, caller: Macro?) throws(Failure) -> Value {
    try nested { () throws(Failure) in
      switch callee {
      case .macro(let macro): return try call(macro, arguments, caller: caller)
      case .function(let function):
        if let receiver = function.receiver { try chargeLook(receiver) }
        try chargeWalk(arguments)
        return try function.call(self, arguments)
      case .undefined(let message): throw Failure(message)
      default: throw Failure("'\(callee.typeName)' object is not callable")
      }
    }
  }

  /// Counts what looking at all of the arguments takes.
  func chargeWalk(_ arguments: Arguments) throws(Failure) {
    for value in arguments.positional { try chargeWalk(value, bytesPerStep: 16) }
    for (_, value) in arguments.named { try chargeWalk(value, bytesPerStep: 16) }
  }

  private func evaluate(_ arguments: CallArguments, _ scope: Scope) throws(Failure) -> Arguments {
    var result = Arguments(positional: try evaluate(arguments.positional, scope))
    if let spread = arguments.spread {
      let values = try evaluate(spread, scope)
      guard let elements = try elements(of: values) else { throw Failure("* needs something iterable") }
      try charge(elements.count)
      result.positional += elements
    }
    for argument in arguments.named {
      result.named.append((argument.name, try evaluate(argument.value, scope)))
    }
    if let spread = arguments.namedSpread {
      guard case .dictionary(let entries) = try evaluate(spread, scope) else {
        throw Failure("** needs a dict")
      }
      try reserve(objects: entries.count)
      for (key, value) in zip(entries.keys, entries.values) {
        guard case .string(let name) = key else { throw Failure("keywords must be strings") }
        result.named.append((name, value))
      }
    }
    return result
  }
}

extension Value {
  init(_ constant: Expression.Constant) {
    switch constant {
    case .none: self = .none
    case .bool(let truth): self = .bool(truth)
    case .int(let number): self = .int(number)
    case .float(let number): self = .float(number)
    case .string(let text): self = .string(text)
    }
  }
}
