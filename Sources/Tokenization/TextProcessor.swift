public import ChatTemplates
public import Foundation

/// What a model folder says about text: its tokenizer, its chat template and its special tokens.
public struct TextProcessor: Sendable {
  /// The folder.
  public let directory: URL
  /// The tokenizer.
  public let tokenizer: any Tokenizer
  /// The chat template, where the folder has one that can be parsed.
  public let chatTemplate: ChatTemplate?
  /// Why there is a chat template but it cannot be used.
  public let chatTemplateError: TokenizerError?
  /// Further chat templates, by name, such as `tool_use`.
  public let namedChatTemplates: [String: ChatTemplate]
  /// Whether a beginning-of-sequence token belongs in front of every prompt.
  public let addsBeginningOfSequence: Bool
  /// The token that begins a sequence: as the configuration says, else as the vocabulary does.
  public let beginningOfSequence: TokenID?
  /// The token that ends a sequence: as the configuration says, else as the vocabulary does.
  public let endOfSequence: TokenID?
  /// The texts of tokens with a role, by role, such as `bos_token`: the variables that chat templates expect.
  public let specialTokenTexts: [String: String]

  /// Reads `tokenizer.model` or `tokenizer.json`, `tokenizer_config.json` and `chat_template.jinja`.
  ///
  /// - Throws: `TokenizerError`, naming the file, for anything but a bad chat template, which only matters once it is
  ///   used: see `chatTemplateError`.
  public init(directory: URL) throws(TokenizerError) {
    let files = ModelFolder(directory)
    let configuration = try TokenizerConfiguration(files)
    self.directory = directory
    tokenizer = try Self.makeTokenizer(files, configuration)
    let templates = try ChatTemplateFiles(files, configuration)
    chatTemplate = templates.main
    namedChatTemplates = templates.named
    chatTemplateError = templates.error

    let tokenizer = tokenizer
    func id(_ role: String, _ own: TokenID?) -> TokenID? {
      configuration.specialTokenTexts[role].flatMap { tokenizer.token(for: $0) } ?? own
    }
    let beginning = id("bos_token", tokenizer.beginningOfSequence)
    let end = id("eos_token", tokenizer.endOfSequence)
    beginningOfSequence = beginning
    endOfSequence = end
    addsBeginningOfSequence =
      beginning != nil && (configuration.addsBeginningOfSequence ?? (tokenizer.beginningOfSequence != nil))
    var texts = configuration.specialTokenTexts
    if texts["bos_token"] == nil { texts["bos_token"] = beginning.flatMap { tokenizer.piece(of: $0) } }
    if texts["eos_token"] == nil { texts["eos_token"] = end.flatMap { tokenizer.piece(of: $0) } }
    specialTokenTexts = texts
  }

  /// The ids of a whole prompt, with the beginning-of-sequence token exactly once where the model wants it.
  public func encodePrompt(_ text: String, parsingSpecialTokens: Bool) -> [TokenID] {
    withBeginning(tokenizer.encode(text, parsingSpecialTokens: parsingSpecialTokens))
  }

  private func withBeginning(_ ids: [TokenID]) -> [TokenID] {
    guard addsBeginningOfSequence, let beginning = beginningOfSequence, ids.first != beginning else {
      return ids
    }
    return [beginning] + ids
  }

  /// The text of a conversation as the chat template makes it.
  ///
  /// - Parameters:
  ///   - messages: The turns, usually dictionaries with `role` and `content`.
  ///   - addGenerationPrompt: Whether the text ends with the opening of the assistant's turn.
  ///   - variables: Further values the template may ask for, such as `tools` or `enable_thinking`; the texts of
  ///     special tokens are there already.
  public func renderChat(
    messages: [TemplateValue], addGenerationPrompt: Bool = true, variables: [String: TemplateValue] = [:]
  ) throws(TokenizerError) -> String {
    if let chatTemplateError { throw chatTemplateError }
    guard let chatTemplate else { throw .noChatTemplate(directory: directory.path) }
    let all = specialTokenTexts.mapValues { TemplateValue.string($0) }.merging(variables) { $1 }
    do {
      return try chatTemplate.render(
        messages: messages, addGenerationPrompt: addGenerationPrompt, variables: all)
    } catch {
      throw .chatTemplate(file: directory.path, error)
    }
  }

  /// The ids of a conversation as the chat template makes it, in which nothing that people or tools wrote becomes a
  /// special token.
  ///
  /// - Parameters:
  ///   - messages: The turns, usually dictionaries with `role` and `content`.
  ///   - addGenerationPrompt: Whether the text ends with the opening of the assistant's turn.
  ///   - variables: Further values the template may ask for.
  ///   - trustedRoles: The roles whose turns may hold special tokens as text, such as the thoughts of the assistant.
  public func encodeChat(
    messages: [TemplateValue], addGenerationPrompt: Bool = true, variables: [String: TemplateValue] = [:],
    trustedRoles: Set<String> = ["assistant", "system"]
  ) throws(TokenizerError) -> [TokenID] {
    let guarded = GuardedMessages(messages, tokenizer: tokenizer, trustedRoles: trustedRoles)
    let text = try renderChat(
      messages: guarded.messages, addGenerationPrompt: addGenerationPrompt, variables: variables)
    guard let mark = guarded.mark else { return encodePrompt(text, parsingSpecialTokens: true) }
    return withBeginning(tokenizer.encode(text, literalMark: mark))
  }

  private static func makeTokenizer(
    _ files: ModelFolder, _ configuration: TokenizerConfiguration
  ) throws(TokenizerError) -> any Tokenizer {
    if let model = try files.read("tokenizer.model") {
      var options = SentencePieceTokenizer.Options()
      options.specialTokens = configuration.specialTokenIDs
      options.addedTokens = configuration.addedTokens
      options.addsPrefixAfterSpecialTokens = configuration.isLegacySentencePiece
      return try SentencePieceTokenizer(
        serialized: model, file: files.path("tokenizer.model"), options: options)
    }
    if let json = try files.read("tokenizer.json") {
      return try BytePairTokenizer(json: json, file: files.path("tokenizer.json"))
    }
    throw .missing(directory: files.directory.path, lookedFor: ["tokenizer.model", "tokenizer.json"])
  }
}
