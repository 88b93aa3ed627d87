import ChatTemplates
public import Tokenization

/// One turn of a conversation.
public struct ChatMessage: Sendable, Equatable, Codable {
  /// Who speaks: "system", "user", "assistant" or what the template knows besides.
  public var role: String
  /// What is said.
  public var content: String

  /// Makes a message.
  public init(role: String, content: String) {
    self.role = role
    self.content = content
  }
}

/// What a model is asked to continue.
public enum Prompt: Sendable, Equatable {
  /// A conversation, put through the chat template.
  case messages([ChatMessage])
  /// Text as it is.
  case raw(String)
  /// Token ids as they are.
  case tokens([Int32])

  /// Whether the prompt goes through the chat template.
  var isConversation: Bool {
    if case .messages = self { true } else { false }
  }

  /// One user message.
  public static func user(_ text: String) -> Prompt { .messages([ChatMessage(role: "user", content: text)]) }
}

/// Why a prompt cannot be made for a model.
public enum PromptError: Error, Sendable, CustomStringConvertible {
  /// The folder has no usable tokenizer.
  case noTokenizer(TokenizerError?)
  /// The tokenizer or the template refuses.
  case text(TokenizerError)
  /// The model cannot think in the mode asked for.
  case thinkingUnsupported(ThinkingMode, model: String, supported: [ThinkingMode])
  /// A thinking mode for a prompt that does not go through the chat template.
  case thinkingNeedsConversation(ThinkingMode)
  /// The mode is text behind the last user message, and there is none.
  case thinkingNeedsUserMessage(ThinkingMode)
  /// A limit on thoughts for a model that marks none.
  case noThoughts(option: String, model: String)

  /// What was wrong and what is accepted.
  public var description: String {
    switch self {
    case .noTokenizer(let error):
      (error.map { "\($0)\n" } ?? "") + "without a tokenizer the prompt must be given as token ids"
    case .text(let error): "\(error)"
    case .thinkingUnsupported(let mode, let model, let supported):
      supported.isEmpty
        ? "thinking mode '\(mode.rawValue)' cannot be used: \(model) has no thinking switch"
        : "thinking mode '\(mode.rawValue)' cannot be used: \(model) has \(supported.map(\.rawValue).joined(separator: ", "))"
    case .thinkingNeedsConversation(let mode):
      "thinking mode '\(mode.rawValue)' cannot be used: it works through the chat template, which plain text and token ids "
        + "leave out"
    case .thinkingNeedsUserMessage(let mode):
      "thinking mode '\(mode.rawValue)' cannot be used: it is text behind the last user message, and there is none"
    case .noThoughts(let option, let model): "\(option) cannot be used: \(model) marks no thoughts"
    }
  }
}

extension LanguageModel {
  /// The token ids of a prompt. For a conversation the thinking mode is put in as the model was trained.
  ///
  /// - Throws: `PromptError`; also where a mode is asked for that the model or the kind of prompt has no place for.
  public func encode(_ prompt: Prompt, thinking: ThinkingMode? = nil) throws(PromptError) -> [Int32] {
    if let thinking, thinkingProfile?.modes.contains(thinking) != true {
      throw .thinkingUnsupported(thinking, model: name, supported: thinkingProfile?.modes ?? [])
    }
    // The only mode there is needs no switch.
    if let thinking, !prompt.isConversation, (thinkingProfile?.modes.count ?? 0) > 1 {
      throw .thinkingNeedsConversation(thinking)
    }
    if case .tokens(let tokens) = prompt { return tokens }
    guard let text else { throw .noTokenizer(textError) }
    switch prompt {
    case .tokens(let tokens): return tokens
    case .raw(let string): return text.encodePrompt(string, parsingSpecialTokens: true)
    case .messages(let messages):
      let (values, variables) = try conversation(messages, thinking: thinking)
      do {
        // What a user types never becomes a special token.
        return try text.encodeChat(messages: values, variables: variables)
      } catch {
        throw .text(error)
      }
    }
  }

  private func conversation(_ messages: [ChatMessage], thinking: ThinkingMode?) throws(PromptError) -> (
    [TemplateValue], [String: TemplateValue]
  ) {
    guard let profile = thinkingProfile else { return (messages.map(\.templateValue), [:]) }
    guard let found = profile.conversation(messages, mode: thinking ?? profile.defaultMode) else {
      throw .thinkingNeedsUserMessage(thinking ?? profile.defaultMode)
    }
    return found
  }
}
