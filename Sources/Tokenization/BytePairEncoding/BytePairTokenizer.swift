import ChatTemplates

/// A byte-level (or byte-fallback) byte-pair-encoding tokenizer, as `tokenizer.json` describes it.
public struct BytePairTokenizer: Tokenizer {
  /// What the tokenizer is, for people.
  public let kind: String
  /// The number of ids.
  public let vocabularySize: Int
  /// The token that begins every sequence, where the vocabulary has one.
  public let beginningOfSequence: TokenID?
  /// The token that ends a sequence, where the vocabulary has one.
  public let endOfSequence: TokenID?
  /// The token that stands for text the vocabulary cannot spell.
  public let unknown: TokenID?
  /// What decoding does to a leading space.
  public let leadingSpace: LeadingSpaceRule
  /// What decoding does with bytes that are not UTF-8.
  public let invalidBytes: InvalidByteRule

  /// Whether the description puts the beginning-of-sequence token in front of every text; nil where it does not say.
  public let addsBeginningOfSequence: Bool?

  let vocabulary: PieceTable
  let merges: MergeTable
  let normalizers: [TextNormalizer]
  let preTokenizers: [PreTokenizer]
  let isByteLevel: Bool
  let ignoresMerges: Bool
  let fusesUnknown: Bool
  /// The token for each byte: of the byte alphabet, or of byte fallback; -1 where there is none.
  let byteTokens: [TokenID]
  private let rules: DecodingRules
  private let added: [TokenID: AddedToken]
  private let addedIDs: [String: TokenID]
  /// Finders for tokens in raw and in normalized text: all tokens, and those that no prompt can forge structure with.
  let rawFinders: (all: AddedTokenFinder, plain: AddedTokenFinder)
  let normalizedFinders: (all: AddedTokenFinder, plain: AddedTokenFinder)

  /// The texts that prompts could forge structure with.
  let markup: TextTrie

  /// Reads a description.
  ///
  /// - Parameters:
  ///   - json: The content of `tokenizer.json`.
  ///   - file: Its name, for errors.
  public init(json: [UInt8], file: String) throws(TokenizerError) {
    let source = try TokenizerFile(json, file: file)
    let type = source.model["type"]?.string ?? "BPE"
    guard type == "BPE" else {
      throw .unsupported(file: file, what: "model", found: type, supported: ["BPE"])
    }
    if source.vocabulary.count == 0 { throw source.malformed("model: there is no vocabulary") }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let text = source.model[key]?.string, !text.isEmpty {
        throw .unsupported(file: file, what: "model.\(key)", found: text, supported: ["none"])
      }
    }
    func component(_ role: String) throws(TokenizerError) -> Component? {
      try Component(source.root[role], role: role, file: file)
    }
    let normalizers = try TextNormalizer.steps(try component("normalizer"))
    let (preTokenizers, isByteLevel) = try PreTokenizer.steps(try component("pre_tokenizer"))
    let rules = try DecodingRules(try component("decoder"))
    let hasByteFallback = source.model["byte_fallback"]?.bool ?? false

    var tokens: [AddedToken] = []
    for entry in source.root["added_tokens"]?.list ?? [] { tokens.append(try AddedToken(entry, file: file)) }
    var byID: [TokenID: AddedToken] = [:]
    var byText: [String: TokenID] = [:]
    for token in tokens {
      byID[token.id] = token
      byText[token.content] = token.id
    }
    let plain = tokens.filter { !$0.isMarkup }
    var markup = TextTrie()
    for token in tokens where SentencePieceTokenizer.looksSpecial(token.content) {
      markup.insert(token.content, value: token.id)
    }
    self.markup = markup
    func normalized(_ text: String) -> String {
      String(decoding: normalizers.reduce(Array(text.utf8)) { $1.apply(to: $0) }, as: UTF8.self)
    }
    func finder(_ tokens: [AddedToken], _ isNormalized: Bool) -> AddedTokenFinder {
      AddedTokenFinder(tokens.filter { $0.isNormalized == isNormalized }) {
        isNormalized ? normalized($0) : $0
      }
    }
    rawFinders = (finder(tokens, false), finder(plain, false))
    normalizedFinders = (finder(tokens, true), finder(plain, true))

    let vocabulary = source.vocabulary
    let unknownText = source.model["unk_token"]?.string
    let unknown = unknownText.flatMap { vocabulary.id(of: $0) ?? byText[$0] }
    byteTokens = (0...255).map { value in
      let byte = UInt8(value)
      if isByteLevel { return vocabulary.id(of: ByteAlphabet.spelling(of: byte).span) ?? -1 }
      let digits = String(byte, radix: 16, uppercase: true)
      return hasByteFallback ? vocabulary.id(of: "<0x\(digits.count == 1 ? "0" : "")\(digits)>") ?? -1 : -1
    }
    let postProcessor = try PostProcessor(try component("post_processor"))
    self.vocabulary = vocabulary
    merges = source.merges
    self.normalizers = normalizers
    self.preTokenizers = preTokenizers
    self.isByteLevel = isByteLevel
    self.rules = rules
    self.unknown = unknown
    ignoresMerges = source.model["ignore_merges"]?.bool ?? false
    fusesUnknown = source.model["fuse_unk"]?.bool ?? false
    added = byID
    addedIDs = byText
    kind = isByteLevel ? "byte-level BPE" : "BPE"
    vocabularySize = max(vocabulary.endID, (byID.keys.max().map(Int.init) ?? -1) + 1)
    leadingSpace = rules.leadingSpace
    invalidBytes = rules.isByteLevel ? .replaceMaximalPart : .replaceEachByte
    addsBeginningOfSequence = postProcessor.map { $0.firstToken != nil }
    beginningOfSequence = postProcessor?.firstToken.flatMap { byText[$0] ?? vocabulary.id(of: $0) }
    endOfSequence = nil
  }

  /// The raw bytes that a token contributes to text: none for control tokens, nil for an id out of range.
  public func bytes(of token: TokenID) -> [UInt8]? {
    guard token >= 0, Int(token) < vocabularySize else { return nil }
    if let entry = added[token] {
      return entry.isSpecial ? [] : rules.bytes(of: Array(entry.content.utf8)[...])
    }
    return vocabulary.text(of: token).map(rules.bytes) ?? []
  }

  /// The vocabulary's own spelling of a token.
  public func piece(of token: TokenID) -> String? {
    if let entry = added[token] { return entry.content }
    return vocabulary.text(of: token).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Whether a token begins with a space that decoding may drop at the beginning of text.
  public func beginsWithSpaceMark(_ token: TokenID) -> Bool {
    leadingSpace != .keep && bytes(of: token)?.first == 0x20
  }

  /// Whether a token marks structure instead of spelling text.
  public func isSpecial(_ token: TokenID) -> Bool { added[token]?.isSpecial ?? false }

  /// The special or added token whose text is exactly `text`.
  public func token(for text: String) -> TokenID? { addedIDs[text] }
}

/// What `post_processor` says about tokens around a text.
struct PostProcessor {
  /// The token in front of every text, where there is one.
  private(set) var firstToken: String?

  /// Nil where nothing is said.
  init?(_ component: Component?) throws(TokenizerError) {
    guard let component else { return nil }
    switch component.type {
    case "ByteLevel": return nil
    case "TemplateProcessing":
      let first = component["single"]?.list?.first
      firstToken = first?["SpecialToken"]?["id"]?.string
    case "Sequence":
      var found: PostProcessor?
      for part in try component.parts("processors") { found = try PostProcessor(part) ?? found }
      guard let found else { return nil }
      self = found
    default: throw component.unsupported("ByteLevel", "TemplateProcessing", "Sequence")
    }
  }
}
