public import ChatTemplates

/// Why a tokenizer cannot be loaded or used.
public enum TokenizerError: Error, Sendable, Equatable {
  /// A model folder has none of the files that could hold its tokenizer.
  case missing(directory: String, lookedFor: [String])
  /// A file cannot be read.
  case unreadable(file: String, reason: String)
  /// A file is not what it should be.
  case malformed(file: String, reason: String)
  /// A file asks for something that this implementation does not have.
  case unsupported(file: String, what: String, found: String, supported: [String])
  /// An id that the vocabulary does not have.
  case tokenOutOfRange(token: Int, vocabularySize: Int)
  /// The model folder has no chat template.
  case noChatTemplate(directory: String)
  /// The chat template cannot be parsed or rendered.
  case chatTemplate(file: String, TemplateError)
}

extension TokenizerError: CustomStringConvertible {
  /// One or two lines: what was wrong, where, what was found and what is accepted.
  public var description: String {
    switch self {
    case .missing(let directory, let lookedFor):
      "\(directory): no tokenizer found (looked for \(lookedFor.joined(separator: ", ")))"
    case .unreadable(let file, let reason):
      "\(file): cannot be read: \(ForeignText.shown(reason, limit: 400))"
    case .malformed(let file, let reason):
      "\(file): \(ForeignText.shown(reason, limit: 400))"
    case .unsupported(let file, let what, let found, let supported):
      "\(file): \(ForeignText.shown(what)) \"\(ForeignText.shown(found))\" is not supported "
        + "(supported: \(supported.joined(separator: ", ")))"
    case .tokenOutOfRange(let token, let vocabularySize):
      "token id \(token) is out of range: the vocabulary has ids 0 to \(vocabularySize - 1)"
    case .noChatTemplate(let directory):
      "\(directory): the model has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json)"
    case .chatTemplate(let file, let error):
      "\(file): chat template: \(error)"
    }
  }
}
