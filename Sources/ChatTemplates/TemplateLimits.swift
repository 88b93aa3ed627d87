/// What rendering a template may use at most.
public struct TemplateLimits: Sendable, Equatable {
  /// Steps of the interpreter: every statement, expression and loop round counts as one, work on long texts as more.
  public var steps = 10_000_000
  /// Bytes of output, and of any text made on the way.
  public var outputBytes = 64 << 20
  /// Statements, expressions and calls inside one another.
  public var depth = 500

  /// The defaults.
  public init() {}
}
