/// A chat template as models ship it: a Jinja program that turns a conversation into a prompt.
///
/// A template is compiled once and rendered any number of times, from any thread. It cannot reach files, the network
/// or the process, and what it may use of time, memory and stack is bounded by `TemplateLimits`.
public struct ChatTemplate: Sendable {
  /// The text of the template.
  public let source: String
  /// What rendering may use at most.
  public var limits = TemplateLimits()

  /// Parses a template.
  public init(source: String) throws(TemplateError) {
    self.source = source
  }

  /// Renders a conversation.
  ///
  /// - Parameters:
  ///   - messages: The turns, usually dictionaries with `role` and `content`.
  ///   - addGenerationPrompt: Whether the text ends with the opening of the assistant's turn.
  ///   - variables: Further values the template may ask for, such as `tools`, `enable_thinking`, `bos_token`.
  public func render(
    messages: [TemplateValue], addGenerationPrompt: Bool, variables: [String: TemplateValue] = [:]
  ) throws(TemplateError) -> String {
    throw TemplateError(.runtime, "chat templates are not implemented yet", line: 0)
  }
}

/// What rendering a template may use at most.
public struct TemplateLimits: Sendable, Equatable {
  /// Steps of the interpreter: every statement, expression and loop round counts as one.
  public var steps = 10_000_000
  /// Bytes of output, and of any text made on the way.
  public var outputBytes = 64 << 20
  /// Calls and blocks inside one another.
  public var depth = 200

  /// The defaults.
  public init() {}
}
