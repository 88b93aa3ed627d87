/// An expression of a template.
///
/// Its depth is bounded when it is made, so that walking over it cannot exhaust the stack.
final class Expression: Sendable {
  static let maximumDepth = 200

  enum Constant: Sendable {
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case string(String)
  }

  enum UnaryOperator: String, Sendable {
    case not, minus = "-", plus = "+"
  }

  enum BinaryOperator: String, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case floorDivide = "//"
    case remainder = "%"
    case power = "**"
  }

  enum Comparison: String, Sendable {
    case equal = "=="
    case unequal = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case isIn = "in"
    case isNotIn = "not in"
  }

  /// One link of a chain of comparisons, such as `< b` in `a < b < c`.
  struct Link: Sendable {
    let comparison: Comparison
    let operand: Expression
  }

  struct Entry: Sendable {
    let key: Expression
    let value: Expression
  }

  enum Kind: Sendable {
    case constant(Constant)
    case name(String)
    case list([Expression])
    case tuple([Expression])
    case dictionary([Entry])
    case unary(UnaryOperator, Expression)
    case binary(BinaryOperator, Expression, Expression)
    case and(Expression, Expression)
    case or(Expression, Expression)
    case comparison(Expression, [Link])
    case concatenation([Expression])
    case conditional(test: Expression, then: Expression, otherwise: Expression?)
    case attribute(Expression, String)
    case element(Expression, Expression)
    case slice(Expression, start: Expression?, stop: Expression?, step: Expression?)
    case call(Expression, CallArguments)
    case filter(Expression, String, CallArguments)
    case test(Expression, String, CallArguments)
    /// The text that a block has produced, for the filters of `set` and `filter` blocks.
    case captured
  }

  let kind: Kind
  let line: Int
  let depth: Int

  init(_ kind: Kind, line: Int, parts: [Expression?] = []) throws(TemplateError) {
    self.kind = kind
    self.line = line
    var deepest = 0
    for part in parts { deepest = max(deepest, part?.depth ?? 0) }
    depth = deepest + 1
    if depth > Self.maximumDepth {
      throw TemplateError(.limit, "an expression is nested deeper than \(Self.maximumDepth)", line: line)
    }
  }
}

/// What stands in the parentheses of a call.
struct CallArguments: Sendable {
  struct Named: Sendable {
    let name: String
    let value: Expression
  }

  var positional: [Expression] = []
  var named: [Named] = []
  /// `*values`
  var spread: Expression?
  /// `**values`
  var namedSpread: Expression?

  var parts: [Expression?] { positional + named.map(\.value) + [spread, namedSpread] }
}

/// What an assignment writes to.
indirect enum Target: Sendable {
  case name(String)
  case attribute(of: String, String)
  case tuple([Target])
}

/// A parameter of a macro.
struct Parameter: Sendable {
  let name: String
  let standard: Expression?
}

/// A statement of a template.
struct Statement: Sendable {
  struct Branch: Sendable {
    let test: Expression
    let body: [Statement]
  }

  struct Loop: Sendable {
    let target: Target
    let values: Expression
    let filter: Expression?
    let body: [Statement]
    let otherwise: [Statement]
  }

  struct Definition: Sendable {
    let name: String
    let parameters: [Parameter]
    let body: [Statement]
    /// Whether the body asks for `varargs` or `kwargs`, which lets calls pass more than the parameters.
    let takesMorePositional: Bool
    let takesMoreNamed: Bool
  }

  struct Assignment: Sendable {
    let target: Target
    let value: Expression
  }

  indirect enum Kind: Sendable {
    case text(String)
    case print(Expression)
    case assign(Assignment)
    case assignBlock(Target, filter: Expression?, body: [Statement])
    case branch([Branch], otherwise: [Statement])
    case loop(Loop)
    case macro(Definition)
    case callBlock(Expression, caller: Definition)
    case filterBlock(Expression, body: [Statement])
    case with([Assignment], body: [Statement])
    case scope([Statement])
    case breakLoop
    case continueLoop
  }

  let kind: Kind
  let line: Int
}
