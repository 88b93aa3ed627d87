/// A chat template as models ship it: a Jinja program that turns a conversation into a prompt.
///
/// ```swift
/// let template = try ChatTemplate(source: "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}")
/// let prompt = try template.render(messages: [["role": "user", "content": "Hi"]], addGenerationPrompt: true)
/// ```
/// A template is parsed once and rendered any number of times, from any thread. It cannot reach files, the network or
/// the process, and what it may use of time, memory and stack is bounded by `TemplateLimits`. The text is the one that
/// Python's jinja2 gives with the settings of transformers; where that fails, this fails.
public struct ChatTemplate: Sendable {
  /// The text of the template.
  public let source: String
  /// What rendering may use at most.
  public var limits = TemplateLimits()
  /// The time that `strftime_now` shows, in seconds since 1970; nil for the clock's.
  public var secondsSince1970: Int?

  private let statements: [Statement]

  /// Parses a template.
  public init(source: String) throws(TemplateError) {
    self.source = source
    statements = try Parser.statements(of: source)
  }

  /// Renders a conversation.
  ///
  /// - Parameters:
  ///   - messages: The turns, usually dictionaries with `role` and `content`. As in transformers, a turn with thoughts
  ///     under `reasoning_content`, `thinking` or `reasoning` shows them under the first two of these names.
  ///   - addGenerationPrompt: Whether the text ends with the opening of the assistant's turn.
  ///   - variables: Further values the template may ask for, such as `tools`, `enable_thinking`, `bos_token`.
  public func render(
    messages: [TemplateValue], addGenerationPrompt: Bool, variables: [String: TemplateValue] = [:]
  ) throws(TemplateError) -> String {
    var all: [String: TemplateValue] = ["tools": .null, "documents": .null]
    all.merge(variables) { $1 }
    all["messages"] = .list(messages.map(Self.withAliases))
    all["add_generation_prompt"] = .bool(addGenerationPrompt)
    return try render(variables: all)
  }

  /// Renders the template with nothing but the given variables.
  public func render(variables: [String: TemplateValue]) throws(TemplateError) -> String {
    let interpreter = Interpreter(limits: limits, time: secondsSince1970)
    defer { interpreter.finish() }
    let scope = Scope(parent: nil)
    for (name, value) in variables { scope[name] = Value(value) }
    do {
      _ = try interpreter.run(statements, scope)
    } catch {
      throw TemplateError(error.kind, error.message, line: interpreter.line)
    }
    return interpreter.output
  }

  /// A turn with its thoughts under every name that templates know.
  private static func withAliases(_ message: TemplateValue) -> TemplateValue {
    guard case .dictionary(let entries) = message else { return message }
    let names = ["reasoning_content", "thinking", "reasoning"]
    guard let thoughts = names.lazy.compactMap({ entries[$0] }).first(where: { !$0.isNull }) else {
      return message
    }
    var result = TemplateDictionary([("thinking", thoughts)])
    for (key, value) in entries { result[key] = value }
    result["reasoning_content"] = thoughts
    return .dictionary(result)
  }
}
