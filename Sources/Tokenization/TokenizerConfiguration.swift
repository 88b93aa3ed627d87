import ChatTemplates

/// What `tokenizer_config.json` says. Without the file every answer is "nothing said".
struct TokenizerConfiguration {
  let file: String
  private let root: TemplateDictionary
  /// `special_tokens_map.json`, which older folders have for the texts of tokens with a role.
  private let specialTokensMap: TemplateValue?

  init(_ files: ModelFolder) throws(TokenizerError) {
    file = files.path("tokenizer_config.json")
    specialTokensMap = try files.readJSON("special_tokens_map.json")
    guard let json = try files.readJSON("tokenizer_config.json") else {
      root = TemplateDictionary()
      return
    }
    guard let entries = json.dictionary else {
      throw .malformed(file: file, reason: "a JSON object was expected")
    }
    root = entries
  }

  /// Whether a beginning-of-sequence token goes in front of every text; nil where nothing is said.
  var addsBeginningOfSequence: Bool? { root["add_bos_token"]?.bool }

  /// `chat_template`: a string, or a list of objects with `name` and `template`.
  var chatTemplate: TemplateValue? { root["chat_template"] }

  /// The texts of tokens with a role, which are strings or objects with `content`.
  var specialTokenTexts: [String: String] {
    var texts: [String: String] = [:]
    for role in ["bos_token", "eos_token", "pad_token", "unk_token", "sep_token", "cls_token", "mask_token"] {
      // Null says that there is no such token, whatever an older file says.
      let entry = root[role] ?? specialTokensMap?[role]
      texts[role] = entry?.string ?? entry?["content"]?.string
    }
    return texts
  }

  /// The ids that `added_tokens_decoder` declares special.
  var specialTokenIDs: Set<TokenID> {
    var ids: Set<TokenID> = []
    for (key, value) in root["added_tokens_decoder"]?.dictionary ?? TemplateDictionary() {
      if let id = TokenID(key), value["special"]?.bool == true { ids.insert(id) }
    }
    return ids
  }

  /// The tokens that `added_tokens_decoder` lists.
  var addedTokens: [SentencePieceTokenizer.AddedPiece] {
    var tokens: [SentencePieceTokenizer.AddedPiece] = []
    for (key, value) in root["added_tokens_decoder"]?.dictionary ?? TemplateDictionary() {
      guard let id = TokenID(key), let text = value["content"]?.string else { continue }
      tokens.append(.init(id: id, text: text, isSpecial: value["special"]?.bool ?? false))
    }
    return tokens
  }

  /// Whether text after a special token gets a space in front, as transformers' `legacy` SentencePiece classes do.
  ///
  /// Those classes take a missing answer for yes; models without such a class follow the library.
  var isLegacySentencePiece: Bool {
    if let legacy = root["legacy"]?.bool { return legacy }
    let className = root["tokenizer_class"]?.string ?? ""
    return ["LlamaTokenizer", "LlamaTokenizerFast", "CodeLlamaTokenizer", "PanguTokenizer"].contains(
      className)
  }
}
