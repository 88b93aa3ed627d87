/// What rendering a template may use at most.
public struct TemplateLimits: Sendable, Equatable {
  /// Steps of the interpreter: every statement, expression and loop round counts as one, work on long texts as more.
  public var steps = 10_000_000
  /// Bytes of output, and of any text made on the way. More than `maximumOutputBytes` counts as that.
  public var outputBytes = maximumOutputBytes
  /// Statements, expressions and calls inside one another. The default needs about half a megabyte of stack, a few
  /// times as much in builds without optimisation.
  public var depth = 250

  /// No template may write more than this.
  public static let maximumOutputBytes = 16 << 20

  /// The defaults.
  public init() {}
}
