/// Turns tokens into statements.
struct Parser {
  private let tokens: [Token]
  private var position = 0
  private var nesting = 0
  /// Names that the macro being parsed asks for: `varargs` and `kwargs`.
  var namesSeen: Set<String> = []
  private var loopDepth = 0

  private static let maximumNesting = 60

  static func statements(of source: String) throws(TemplateError) -> [Statement] {
    var parser = Parser(tokens: try Lexer.tokens(of: source))
    return try parser.body(until: [])
  }

  private init(tokens: [Token]) { self.tokens = tokens }

  // MARK: - Tokens

  var current: Token { tokens[min(position, tokens.count - 1)] }
  var following: Token { tokens[min(position + 1, tokens.count - 1)] }

  mutating func advance() { position += 1 }

  func isSymbol(_ symbol: String) -> Bool { current.kind == .symbol(symbol) }
  func isName(_ name: String) -> Bool { current.kind == .name(name) }

  mutating func skip(symbol: String) -> Bool {
    if isSymbol(symbol) { advance() } else { return false }
    return true
  }

  mutating func skip(name: String) -> Bool {
    if isName(name) { advance() } else { return false }
    return true
  }

  mutating func expect(_ kind: Token.Kind) throws(TemplateError) {
    guard current.kind == kind else {
      throw error("expected \(Token(kind: kind, line: 0).description), found \(current.description)")
    }
    advance()
  }

  mutating func expectName() throws(TemplateError) -> String {
    guard case .name(let name) = current.kind else {
      throw error("expected a name, found \(current.description)")
    }
    advance()
    return name
  }

  func error(_ message: String) -> TemplateError { TemplateError(.syntax, message, line: current.line) }

  /// Counts how deep the parser is inside of itself.
  mutating func nested<Result>(
    _ parse: (inout Parser) throws(TemplateError) -> Result
  ) throws(TemplateError) -> Result {
    nesting += 1
    defer { nesting -= 1 }
    if nesting > Self.maximumNesting {
      throw TemplateError(.limit, "nested deeper than \(Self.maximumNesting)", line: current.line)
    }
    return try parse(&self)
  }

  // MARK: - Statements

  /// Statements up to a tag with one of the names in `ends`, which stays the current token.
  private mutating func body(until ends: Set<String>) throws(TemplateError) -> [Statement] {
    var statements: [Statement] = []
    while true {
      let line = current.line
      switch current.kind {
      case .end:
        if ends.isEmpty { return statements }
        throw error("the template ends before \(ends.sorted().joined(separator: " or "))")
      case .text(let text):
        advance()
        statements.append(Statement(kind: .text(text), line: line))
      case .printBegin:
        advance()
        let value = try tupleOrExpression()
        try expect(.printEnd)
        statements.append(Statement(kind: .print(value), line: line))
      case .blockBegin:
        advance()
        guard case .name(let name) = current.kind else { throw error("a tag begins with a name") }
        if ends.contains(name) { return statements }
        advance()
        let kind = try nested { (parser) throws(TemplateError) in try parser.statement(name) }
        statements.append(Statement(kind: kind, line: line))
        try expect(.blockEnd)
      default:
        throw error("unexpected \(current.description)")
      }
    }
  }

  /// The statements of a block: from the end of its first tag up to and without the end of its last.
  private mutating func block(until end: String) throws(TemplateError) -> [Statement] {
    let statements = try openBlock(until: [end])
    advance()
    return statements
  }

  private mutating func openBlock(until ends: Set<String>) throws(TemplateError) -> [Statement] {
    _ = skip(symbol: ":")
    try expect(.blockEnd)
    return try body(until: ends)
  }

  private mutating func statement(_ name: String) throws(TemplateError) -> Statement.Kind {
    switch name {
    case "if": return try branch()
    case "for": return try loop()
    case "set": return try assignment()
    case "macro": return try macro()
    case "call": return try callBlock()
    case "filter":
      let filter = try filters(of: try Expression(.captured, line: current.line), firstWithoutBar: true)
      return .filterBlock(filter, body: try block(until: "endfilter"))
    case "with": return try with()
    case "generation": return .scope(try block(until: "endgeneration"))
    case "break", "continue":
      if loopDepth == 0 { throw error("\(name) outside of a loop") }
      return name == "break" ? .breakLoop : .continueLoop
    case "include", "import", "from", "extends", "block", "autoescape", "print", "do":
      throw error("the tag \"\(name)\" is not available in chat templates")
    default: throw error("unknown tag \"\(name)\"")
    }
  }

  private mutating func branch() throws(TemplateError) -> Statement.Kind {
    var branches: [Statement.Branch] = []
    while true {
      let test = try tupleOrExpression(allowsConditional: false)
      let body = try openBlock(until: ["elif", "else", "endif"])
      branches.append(Statement.Branch(test: test, body: body))
      if skip(name: "elif") { continue }
      if skip(name: "else") { return .branch(branches, otherwise: try block(until: "endif")) }
      advance()
      return .branch(branches, otherwise: [])
    }
  }

  private mutating func loop() throws(TemplateError) -> Statement.Kind {
    let target = try target(allowsAttribute: false, endsAt: "in")
    guard skip(name: "in") else { throw error("expected in, found \(current.description)") }
    let values = try tupleOrExpression(allowsConditional: false)
    let filter = skip(name: "if") ? try expression() : nil
    if isName("recursive") { throw error("recursive loops are not supported") }
    loopDepth += 1
    let body = try openBlock(until: ["endfor", "else"])
    loopDepth -= 1
    let otherwise = skip(name: "else") ? try openBlock(until: ["endfor"]) : []
    advance()
    return .loop(.init(target: target, values: values, filter: filter, body: body, otherwise: otherwise))
  }

  private mutating func assignment() throws(TemplateError) -> Statement.Kind {
    let target = try target(allowsAttribute: true, endsAt: nil)
    if skip(symbol: "=") { return .assign(.init(target: target, value: try tupleOrExpression())) }
    let captured = try Expression(.captured, line: current.line)
    let filter = isSymbol("|") ? try filters(of: captured, firstWithoutBar: false) : nil
    return .assignBlock(target, filter: filter, body: try block(until: "endset"))
  }

  private mutating func target(allowsAttribute: Bool, endsAt end: String?) throws(TemplateError) -> Target {
    var targets: [Target] = []
    var isTuple = false
    repeat {
      if current.kind == .blockEnd || isSymbol("=") || isSymbol(")") || end.map(isName) == true { break }
      if skip(symbol: "(") {
        targets.append(
          try nested { (parser) throws(TemplateError) in
            try parser.target(allowsAttribute: allowsAttribute, endsAt: end)
          })
        try expect(.symbol(")"))
      } else {
        targets.append(try singleTarget(allowsAttribute: allowsAttribute))
      }
      if isSymbol(",") { isTuple = true }
    } while skip(symbol: ",")
    guard let first = targets.first else { throw error("expected a name, found \(current.description)") }
    return isTuple ? .tuple(targets) : first
  }

  private mutating func singleTarget(allowsAttribute: Bool) throws(TemplateError) -> Target {
    let name = try expectName()
    if ["true", "false", "none", "True", "False", "None"].contains(name) {
      throw error("cannot assign to \(name)")
    }
    if allowsAttribute, skip(symbol: ".") { return .attribute(of: name, try expectName()) }
    return .name(name)
  }

  private mutating func macro() throws(TemplateError) -> Statement.Kind {
    let name = try expectName()
    return .macro(try definition(name, parameters: try parameters(), end: "endmacro"))
  }

  private mutating func callBlock() throws(TemplateError) -> Statement.Kind {
    let parameters = isSymbol("(") ? try parameters() : []
    let call = try expression()
    guard case .call = call.kind else { throw error("expected a call") }
    return .callBlock(call, caller: try definition("caller", parameters: parameters, end: "endcall"))
  }

  private mutating func definition(
    _ name: String, parameters: [Parameter], end: String
  ) throws(TemplateError) -> Statement.Definition {
    let outerNames = namesSeen
    let outerLoops = loopDepth
    namesSeen = []
    loopDepth = 0
    defer {
      namesSeen = outerNames.union(namesSeen)
      loopDepth = outerLoops
    }
    let body = try block(until: end)
    return Statement.Definition(
      name: name, parameters: parameters, body: body, takesMorePositional: namesSeen.contains("varargs"),
      takesMoreNamed: namesSeen.contains("kwargs"))
  }

  private mutating func parameters() throws(TemplateError) -> [Parameter] {
    try expect(.symbol("("))
    var parameters: [Parameter] = []
    while !isSymbol(")") {
      if !parameters.isEmpty { try expect(.symbol(",")) }
      let name = try expectName()
      let standard = skip(symbol: "=") ? try expression() : nil
      if standard == nil, parameters.last?.standard != nil {
        throw error("a parameter without default follows one with a default")
      }
      parameters.append(Parameter(name: name, standard: standard))
    }
    advance()
    return parameters
  }

  private mutating func with() throws(TemplateError) -> Statement.Kind {
    var assignments: [Statement.Assignment] = []
    while current.kind != .blockEnd {
      if !assignments.isEmpty { try expect(.symbol(",")) }
      let target = Target.name(try expectName())
      try expect(.symbol("="))
      assignments.append(.init(target: target, value: try expression()))
    }
    return .with(assignments, body: try block(until: "endwith"))
  }
}
