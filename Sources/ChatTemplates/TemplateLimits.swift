/// What rendering a template may use at most.
public struct TemplateLimits: Sendable, Equatable {
  /// Steps of the interpreter: every statement, expression and loop round counts as one, work on long texts as more.
  public var steps = 10_000_000
  /// Bytes of output, and of any text made on the way.
  public var outputBytes = 16 << 20
  /// Statements, expressions and calls inside one another. The default needs about half a megabyte of stack, a few
  /// times as much in builds without optimisation.
  public var depth = 250

  /// The defaults.
  public init() {}
}
