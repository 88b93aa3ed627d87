/// Arithmetic as Python does it.
enum Operators {
  static func apply(
    _ operation: Expression.BinaryOperator, _ left: Value, _ right: Value, _ interpreter: Interpreter
  ) throws(Failure) -> Value {
    if case .undefined(let message) = left { throw Failure(message) }
    if operation == .remainder, case .string(let format) = left {
      let text = try StringFormat.percent(format, right, interpreter)
      return .string(try interpreter.checked(text))
    }
    if case .undefined(let message) = right { throw Failure(message) }
    if let left = left.wholeNumber, let right = right.wholeNumber {
      if let result = try whole(operation, left, right) { return result }
    }
    if let left = left.number, let right = right.number { return try fraction(operation, left, right) }
    switch (operation, left, right) {
    case (.add, .string(let left), .string(let right)): return .string(try interpreter.checked(left + right))
    case (.add, .list(let left), .list(let right)): return .list(try interpreter.checked(left + right))
    case (.add, .tuple(let left), .tuple(let right)): return .tuple(try interpreter.checked(left + right))
    case (.multiply, .int, .string), (.multiply, .int, .list), (.multiply, .int, .tuple):
      return try repeated(right, left, interpreter)
    case (.multiply, .string, .int), (.multiply, .list, .int), (.multiply, .tuple, .int):
      return try repeated(left, right, interpreter)
    default:
      throw Failure(
        "unsupported operand types for \(operation.rawValue): '\(left.typeName)' and '\(right.typeName)'")
    }
  }

  static func negated(_ value: Value) throws(Failure) -> Value {
    if case .undefined(let message) = value { throw Failure(message) }
    if case .float(let number) = value { return .float(-number) }
    guard let number = value.wholeNumber else {
      throw Failure("bad operand type for unary -: '\(value.typeName)'")
    }
    let (result, overflow) = (0).subtractingReportingOverflow(number)
    if overflow { throw tooLarge }
    return .int(result)
  }

  private static var tooLarge: Failure { Failure("a whole number became too large", kind: .limit) }

  /// Nil where whole numbers give a fraction.
  private static func whole(
    _ operation: Expression.BinaryOperator, _ left: Int, _ right: Int
  ) throws(Failure) -> Value? {
    func checked(_ result: (partialValue: Int, overflow: Bool)) throws(Failure) -> Value {
      if result.overflow { throw tooLarge }
      return .int(result.partialValue)
    }
    switch operation {
    case .add: return try checked(left.addingReportingOverflow(right))
    case .subtract: return try checked(left.subtractingReportingOverflow(right))
    case .multiply: return try checked(left.multipliedReportingOverflow(by: right))
    case .divide: return nil
    case .floorDivide, .remainder:
      if right == 0 { throw Failure("integer division or modulo by zero") }
      let quotient = left.dividedReportingOverflow(by: right)
      if quotient.overflow { throw tooLarge }
      let remainder = left - quotient.partialValue * right
      let rounds = remainder != 0 && (remainder < 0) != (right < 0)
      return .int(
        operation == .floorDivide
          ? quotient.partialValue - (rounds ? 1 : 0) : remainder + (rounds ? right : 0))
    case .power:
      if right < 0 { return nil }
      var result = 1
      var base = left
      var exponent = right
      while exponent > 0 {
        if exponent & 1 == 1 {
          let (product, overflow) = result.multipliedReportingOverflow(by: base)
          if overflow { throw tooLarge }
          result = product
        }
        exponent >>= 1
        if exponent == 0 { break }
        let (square, overflow) = base.multipliedReportingOverflow(by: base)
        if overflow { throw tooLarge }
        base = square
      }
      return .int(result)
    }
  }

  private static func fraction(
    _ operation: Expression.BinaryOperator, _ left: Double, _ right: Double
  ) throws(Failure) -> Value {
    switch operation {
    case .add: return .float(left + right)
    case .subtract: return .float(left - right)
    case .multiply: return .float(left * right)
    case .divide, .floorDivide, .remainder:
      if right == 0 { throw Failure("division by zero") }
      if operation == .divide { return .float(left / right) }
      var remainder = left.truncatingRemainder(dividingBy: right)
      if remainder != 0, (remainder < 0) != (right < 0) { remainder += right }
      if operation == .remainder { return .float(remainder) }
      return .float(((left - remainder) / right).rounded())
    case .power:
      if left == 0, right < 0 { throw Failure("0.0 cannot be raised to a negative power") }
      return .float(power(left, right))
    }
  }

  /// `base` to the power `exponent`, for the whole exponents that templates use; NaN for others but one half.
  private static func power(_ base: Double, _ exponent: Double) -> Double {
    if exponent == 0.5 { return base.squareRoot() }
    guard let whole = Int(exactly: exponent), whole.magnitude <= 4096 else { return .nan }
    var result = 1.0
    for _ in 0..<whole.magnitude { result *= base }
    return whole < 0 ? 1 / result : result
  }

  private static func repeated(
    _ value: Value, _ count: Value, _ interpreter: Interpreter
  ) throws(Failure) -> Value {
    let count = max(count.wholeNumber ?? 0, 0)
    switch value {
    case .string(let text):
      try interpreter.reserve(bytes: text.utf8.count, times: count)
      return .string(text.isEmpty ? "" : String(repeating: text, count: count))
    case .list(let elements):
      try interpreter.reserve(bytes: elements.count * 16, times: count)
      return .list(elements.isEmpty ? [] : (0..<count).flatMap { _ in elements })
    case .tuple(let elements):
      try interpreter.reserve(bytes: elements.count * 16, times: count)
      return .tuple(elements.isEmpty ? [] : (0..<count).flatMap { _ in elements })
    default: throw Failure("cannot repeat a \(value.typeName)")
    }
  }
}
