/// What follows an expression: attributes, elements, calls, filters and tests.
extension Parser {
  mutating func postfix(of start: Expression) throws(TemplateError) -> Expression {
    var result = start
    while true {
      if isSymbol(".") {
        result = try attribute(of: result)
      } else if isSymbol("[") {
        result = try element(of: result)
      } else if isSymbol("(") {
        result = try call(result)
      } else {
        return result
      }
    }
  }

  mutating func filtersAndTests(of start: Expression) throws(TemplateError) -> Expression {
    var result = start
    while true {
      if isSymbol("|") {
        result = try filters(of: result, firstWithoutBar: false)
      } else if isName("is") {
        result = try test(of: result)
      } else if isSymbol("(") {
        result = try call(result)
      } else {
        return result
      }
    }
  }

  private mutating func call(_ callee: Expression) throws(TemplateError) -> Expression {
    let line = current.line
    let arguments = try callArguments()
    return try Expression(.call(callee, arguments), line: line, parts: [callee] + arguments.parts)
  }

  private mutating func attribute(of base: Expression) throws(TemplateError) -> Expression {
    let line = current.line
    advance()
    switch current.kind {
    case .name(let name):
      advance()
      return try Expression(.attribute(base, name), line: line, parts: [base])
    case .integer(let index):
      advance()
      let element = try Expression(.constant(.int(index)), line: line)
      return try Expression(.element(base, element), line: line, parts: [base])
    default: throw error("expected a name or number, found \(current.description)")
    }
  }

  private mutating func element(of base: Expression) throws(TemplateError) -> Expression {
    let line = current.line
    advance()
    if isSymbol(":") { return try slice(of: base, start: nil, line: line) }
    let first = try expression()
    if isSymbol(":") { return try slice(of: base, start: first, line: line) }
    var indices = [first]
    while skip(symbol: ",") { indices.append(try expression()) }
    try expect(.symbol("]"))
    let index = indices.count == 1 ? first : try Expression(.tuple(indices), line: line, parts: indices)
    return try Expression(.element(base, index), line: line, parts: [base, index])
  }

  private mutating func slice(
    of base: Expression, start: Expression?, line: Int
  ) throws(TemplateError) -> Expression {
    var bounds: [Expression?] = []
    while skip(symbol: ":") {
      bounds.append(isSymbol(":") || isSymbol("]") ? nil : try expression())
    }
    try expect(.symbol("]"))
    if bounds.count > 2 { throw error("a slice has at most three parts") }
    let step = bounds.count == 2 ? bounds[1] : nil
    return try Expression(
      .slice(base, start: start, stop: bounds[0], step: step), line: line,
      parts: [base, start, step] + bounds)
  }

  /// One or more filters in a row, each behind a bar.
  mutating func filters(of start: Expression, firstWithoutBar: Bool) throws(TemplateError) -> Expression {
    var result = start
    var needsBar = !firstWithoutBar
    while !needsBar || isSymbol("|") {
      if needsBar { advance() }
      needsBar = true
      let line = current.line
      let name = try dottedName()
      let arguments = isSymbol("(") ? try callArguments() : CallArguments()
      result = try Expression(.filter(result, name, arguments), line: line, parts: [result] + arguments.parts)
    }
    return result
  }

  private mutating func test(of operand: Expression) throws(TemplateError) -> Expression {
    let line = current.line
    advance()
    let isNegated = skip(name: "not")
    let name = try dottedName()
    var arguments = CallArguments()
    if isSymbol("(") {
      arguments = try callArguments()
    } else if beginsTestArgument {
      if isName("is") { throw error("tests cannot be chained") }
      let argument = try nested { (parser) throws(TemplateError) in try parser.primaryWithPostfix() }
      arguments.positional = [argument]
    }
    let result = try Expression(
      .test(operand, name, arguments), line: line, parts: [operand] + arguments.parts)
    return isNegated ? try Expression(.unary(.not, result), line: line, parts: [result]) : result
  }

  /// Whether the current token begins the argument of a test without parentheses, as in `is divisibleby 3`.
  private var beginsTestArgument: Bool {
    switch current.kind {
    case .name(let name): !["else", "or", "and"].contains(name)
    case .string, .integer, .float, .symbol("["), .symbol("{"): true
    default: false
    }
  }

  private mutating func dottedName() throws(TemplateError) -> String {
    var name = try expectName()
    while skip(symbol: ".") { name += "." + (try expectName()) }
    return name
  }

  private mutating func callArguments() throws(TemplateError) -> CallArguments {
    try expect(.symbol("("))
    var arguments = CallArguments()
    while !isSymbol(")") {
      if skip(symbol: "*") {
        if arguments.spread != nil || arguments.namedSpread != nil { throw error("misplaced *") }
        arguments.spread = try expression()
      } else if skip(symbol: "**") {
        if arguments.namedSpread != nil { throw error("misplaced **") }
        arguments.namedSpread = try expression()
      } else if case .name(let name) = current.kind, following.kind == .symbol("=") {
        if arguments.namedSpread != nil { throw error("an argument follows **") }
        advance()
        advance()
        arguments.named.append(CallArguments.Named(name: name, value: try expression()))
      } else {
        if arguments.spread != nil || arguments.namedSpread != nil || !arguments.named.isEmpty {
          throw error("an argument without a name follows one with a name")
        }
        arguments.positional.append(try expression())
      }
      if !isSymbol(")") { try expect(.symbol(",")) }
    }
    advance()
    return arguments
  }
}
