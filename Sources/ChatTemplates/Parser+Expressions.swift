/// Expressions, from the loosest binding to the tightest.
extension Parser {
  mutating func expression(allowsConditional: Bool = true) throws(TemplateError) -> Expression {
    try nested { (parser) throws(TemplateError) in
      allowsConditional ? try parser.conditional() : try parser.or()
    }
  }

  /// An expression, or a tuple without parentheses where commas follow.
  mutating func tupleOrExpression(
    allowsConditional: Bool = true, inParentheses: Bool = false
  ) throws(TemplateError) -> Expression {
    let line = current.line
    var elements: [Expression] = []
    var isTuple = false
    while true {
      if current.kind == .printEnd || current.kind == .blockEnd || isSymbol(")") { break }
      elements.append(try expression(allowsConditional: allowsConditional))
      if !skip(symbol: ",") { break }
      isTuple = true
    }
    if !isTuple, let single = elements.first { return single }
    if !isTuple, !inParentheses { throw error("expected an expression, found \(current.description)") }
    return try Expression(.tuple(elements), line: line, parts: elements)
  }

  private mutating func conditional() throws(TemplateError) -> Expression {
    var result = try or()
    while isName("if") {
      let line = current.line
      advance()
      let test = try or()
      let otherwise =
        skip(name: "else")
        ? try nested { (parser) throws(TemplateError) in try parser.conditional() } : nil
      result = try Expression(
        .conditional(test: test, then: result, otherwise: otherwise), line: line,
        parts: [test, result, otherwise])
    }
    return result
  }

  private mutating func or() throws(TemplateError) -> Expression {
    var left = try and()
    while isName("or") {
      let line = current.line
      advance()
      let right = try and()
      left = try Expression(.or(left, right), line: line, parts: [left, right])
    }
    return left
  }

  private mutating func and() throws(TemplateError) -> Expression {
    var left = try not()
    while isName("and") {
      let line = current.line
      advance()
      let right = try not()
      left = try Expression(.and(left, right), line: line, parts: [left, right])
    }
    return left
  }

  private mutating func not() throws(TemplateError) -> Expression {
    guard isName("not") else { return try comparison() }
    let line = current.line
    advance()
    let operand = try nested { (parser) throws(TemplateError) in try parser.not() }
    return try Expression(.unary(.not, operand), line: line, parts: [operand])
  }

  private mutating func comparison() throws(TemplateError) -> Expression {
    let line = current.line
    let first = try sum()
    var links: [Expression.Link] = []
    while let comparison = nextComparison() {
      links.append(Expression.Link(comparison: comparison, operand: try sum()))
    }
    if links.isEmpty { return first }
    return try Expression(.comparison(first, links), line: line, parts: [first] + links.map(\.operand))
  }

  private mutating func nextComparison() -> Expression.Comparison? {
    switch current.kind {
    case .symbol(let symbol):
      guard let comparison = Expression.Comparison(rawValue: symbol) else { return nil }
      advance()
      return comparison
    case .name("in"):
      advance()
      return .isIn
    case .name("not") where following.kind == .name("in"):
      advance()
      advance()
      return .isNotIn
    default: return nil
    }
  }

  private mutating func sum() throws(TemplateError) -> Expression {
    try chain(["+", "-"]) { (parser) throws(TemplateError) in try parser.concatenation() }
  }

  private mutating func concatenation() throws(TemplateError) -> Expression {
    let line = current.line
    var operands = [try product()]
    while skip(symbol: "~") { operands.append(try product()) }
    return operands.count == 1
      ? operands[0] : try Expression(.concatenation(operands), line: line, parts: operands)
  }

  private mutating func product() throws(TemplateError) -> Expression {
    try chain(["*", "/", "//", "%"]) { (parser) throws(TemplateError) in
      try parser.chain(["**"]) { (parser) throws(TemplateError) in try parser.unary() }
    }
  }

  private mutating func chain(
    _ symbols: Set<String>, _ operand: (inout Parser) throws(TemplateError) -> Expression
  ) throws(TemplateError) -> Expression {
    var left = try operand(&self)
    while case .symbol(let symbol) = current.kind, symbols.contains(symbol),
      let operation = Expression.BinaryOperator(rawValue: symbol)
    {
      let line = current.line
      advance()
      let right = try operand(&self)
      left = try Expression(.binary(operation, left, right), line: line, parts: [left, right])
    }
    return left
  }

  private mutating func unary(withFilters: Bool = true) throws(TemplateError) -> Expression {
    var result: Expression
    let line = current.line
    if isSymbol("-") || isSymbol("+") {
      let sign: Expression.UnaryOperator = isSymbol("-") ? .minus : .plus
      advance()
      let operand = try nested { (parser) throws(TemplateError) in try parser.unary(withFilters: false) }
      result = try Expression(.unary(sign, operand), line: line, parts: [operand])
    } else {
      result = try primary()
    }
    result = try postfix(of: result)
    return withFilters ? try filtersAndTests(of: result) : result
  }

  /// The argument of a test that stands without parentheses.
  mutating func primaryWithPostfix() throws(TemplateError) -> Expression {
    try postfix(of: try primary())
  }

  private mutating func primary() throws(TemplateError) -> Expression {
    let token = current
    advance()
    switch token.kind {
    case .name("true"), .name("True"): return try Expression(.constant(.bool(true)), line: token.line)
    case .name("false"), .name("False"): return try Expression(.constant(.bool(false)), line: token.line)
    case .name("none"), .name("None"): return try Expression(.constant(.none), line: token.line)
    case .name(let name):
      namesSeen.insert(name)
      return try Expression(.name(name), line: token.line)
    case .integer(let number): return try Expression(.constant(.int(number)), line: token.line)
    case .float(let number): return try Expression(.constant(.float(number)), line: token.line)
    case .string(var text):
      while case .string(let more) = current.kind {
        text += more
        advance()
      }
      return try Expression(.constant(.string(text)), line: token.line)
    case .symbol("("):
      let inner = try tupleOrExpression(inParentheses: true)
      try expect(.symbol(")"))
      return inner
    case .symbol("["): return try list(line: token.line)
    case .symbol("{"): return try dictionary(line: token.line)
    default:
      throw TemplateError(.syntax, "unexpected \(token.description)", line: token.line)
    }
  }

  private mutating func list(line: Int) throws(TemplateError) -> Expression {
    var elements: [Expression] = []
    while !isSymbol("]") {
      elements.append(try expression())
      if !isSymbol("]") { try expect(.symbol(",")) }
    }
    advance()
    return try Expression(.list(elements), line: line, parts: elements)
  }

  private mutating func dictionary(line: Int) throws(TemplateError) -> Expression {
    var entries: [Expression.Entry] = []
    while !isSymbol("}") {
      let key = try expression()
      try expect(.symbol(":"))
      entries.append(Expression.Entry(key: key, value: try expression()))
      if !isSymbol("}") { try expect(.symbol(",")) }
    }
    advance()
    return try Expression(.dictionary(entries), line: line, parts: entries.flatMap { [$0.key, $0.value] })
  }
}
