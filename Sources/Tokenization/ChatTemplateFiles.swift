import ChatTemplates

/// Finds the chat templates of a model folder.
///
/// `chat_template.jinja` goes before `chat_template.json` and `tokenizer_config.json`, as in transformers. In a list
/// of named templates the one called `default` is the main one.
struct ChatTemplateFiles {
  private(set) var main: ChatTemplate?
  private(set) var named: [String: ChatTemplate] = [:]
  private(set) var error: TokenizerError?

  init(_ files: ModelFolder, _ configuration: TokenizerConfiguration) throws(TokenizerError) {
    if let source = try files.readText("chat_template.jinja") {
      main = parse(source, file: files.path("chat_template.jinja"))
    } else if let json = try files.readJSON("chat_template.json"), let template = json["chat_template"] {
      read(template, file: files.path("chat_template.json"))
    } else if let template = configuration.chatTemplate, !template.isNull {
      read(template, file: configuration.file)
    }
  }

  private mutating func read(_ template: TemplateValue, file: String) {
    switch template {
    case .string(let source):
      main = parse(source, file: file)
    case .list(let entries):
      for entry in entries {
        guard let name = entry["name"]?.string, let source = entry["template"]?.string else {
          error = .malformed(file: file, reason: "chat_template: an entry lacks \"name\" or \"template\"")
          continue
        }
        guard let parsed = parse(source, file: file) else { continue }
        named[name] = parsed
        if name == "default" { main = parsed }
      }
    default:
      error = .malformed(file: file, reason: "chat_template is neither a string nor a list")
    }
  }

  private mutating func parse(_ source: String, file: String) -> ChatTemplate? {
    do {
      return try ChatTemplate(source: source)
    } catch {
      self.error = .chatTemplate(file: file, error)
      return nil
    }
  }
}
