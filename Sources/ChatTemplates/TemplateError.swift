/// Why a chat template cannot be parsed or rendered.
public struct TemplateError: Error, Sendable, Equatable {
  /// The kinds of failure.
  public enum Kind: Sendable, Equatable {
    /// The template is not well formed, or uses what this interpreter does not know.
    case syntax
    /// A value is missing or of the wrong kind.
    case runtime
    /// The template itself refused the conversation, by `raise_exception`.
    case raised
    /// The template took more steps, output or nesting than allowed.
    case limit
  }

  /// The kind of failure.
  public let kind: Kind
  /// What is wrong.
  public let message: String
  /// The line of the template, counted from 1.
  public let line: Int

  /// Makes an error.
  public init(_ kind: Kind, _ message: String, line: Int) {
    self.kind = kind
    self.message = message
    self.line = line
  }
}

extension TemplateError: CustomStringConvertible {
  /// The message in one line of at most some hundred characters, with the template's line where the template itself is at fault.
  public var description: String {
    let message = ForeignText.shown(message, limit: 600)
    return kind == .raised ? message : "line \(line): \(message)"
  }
}
