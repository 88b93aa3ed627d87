import ChatTemplates
public import Decoding
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
    }
  }
}

extension LanguageModel {
  /// The token ids of a prompt. For a conversation the thinking mode is put in as the model was trained.
  public func encode(_ prompt: Prompt, thinking: ThinkingMode? = nil) throws(PromptError) -> [Int32] {
    if let thinking, thinkingProfile?.modes.contains(thinking) != true {
      throw .thinkingUnsupported(thinking, model: name, supported: thinkingProfile?.modes ?? [])
    }
    if case .tokens(let tokens) = prompt { return tokens }
    guard let text else { throw .noTokenizer(textError) }
    switch prompt {
    case .tokens(let tokens): return tokens
    case .raw(let string): return text.encodePrompt(string, parsingSpecialTokens: true)
    case .messages(let messages):
      var variables: [String: TemplateValue] = [:]
      if let thinkingProfile, case .templateVariable(let name) = thinkingProfile.modeSwitch {
        variables[name] = .string((thinking ?? thinkingProfile.defaultMode).rawValue)
      }
      do {
        // What a user types never becomes a special token.
        return try text.encodeChat(
          messages: messages.map { ["role": .string($0.role), "content": .string($0.content)] },
          variables: variables)
      } catch {
        throw .text(error)
      }
    }
  }

  /// The engine's view of the thinking markers, with the limits of one request.
  public func thinkingOptions(budget: Int? = nil, answerReserve: Int = 0) -> ThinkingOptions? {
    thinkingProfile.map {
      ThinkingOptions(
        openToken: $0.open.token, closeToken: $0.close.token, budget: budget, answerReserve: answerReserve)
    }
  }
}
