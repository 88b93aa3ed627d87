/// A SentencePiece model (`tokenizer.model`), encoded by libsentencepiece.
public struct SentencePieceTokenizer: Tokenizer {
  /// What the files beside the model say about it.
  public struct Options: Sendable {
    /// Ids that the model's configuration declares special, besides the model's control pieces.
    public var specialTokens: Set<TokenID> = []
    /// Tokens behind the model's own vocabulary, which the library does not know.
    public var addedTokens: [AddedPiece] = []
    /// Whether text after a special token is encoded as if it stood at the beginning, with a space in front of it.
    ///
    /// It concerns only tokens that the library itself does not recognise in text: control pieces and
    /// `specialTokens`. Transformers calls it `legacy`.
    public var addsPrefixAfterSpecialTokens = false

    /// The defaults: the model file alone decides.
    public init() {}
  }

  /// A token behind the model's own vocabulary.
  public struct AddedPiece: Sendable {
    /// The id.
    public var id: TokenID
    /// The text that stands for the token.
    public var text: String
    /// Whether the token marks structure; otherwise it is text that is always one token.
    public var isSpecial: Bool

    /// Makes a token.
    public init(id: TokenID, text: String, isSpecial: Bool) {
      self.id = id
      self.text = text
      self.isSpecial = isSpecial
    }
  }

  /// What the tokenizer is, for people.
  public let kind = "sentencepiece"
  /// What decoding does with bytes that are not UTF-8.
  public let invalidBytes = InvalidByteRule.replaceEachByte
  /// What decoding does to a leading space.
  public let leadingSpace: LeadingSpaceRule

  /// The padding token, where the vocabulary has one.
  public var padding: TokenID? { library.padding }

  let library: SentencePieceLibrary
  /// Like `library`, but blind to the special pieces that it would match in text.
  private let libraryWithoutSpecials: SentencePieceLibrary
  /// Like the two, but adding no space in front of text; nil where that would make no difference.
  private let withoutPrefix: LazyLibrary?
  private let withoutSpecialsAndPrefix: LazyLibrary?
  private let pieces: [SentencePieceModelFile.Piece]
  /// By id: the text of pieces that spell some, nil for others.
  private let wholeTexts: [String?]
  private let unknownSurface: [UInt8]
  private let special: Set<TokenID>
  /// The special tokens that the library does not find in text, and all of them.
  private let splitting: TextTrie
  private let markup: TextTrie
  /// Whether text behind a token of `splitting` is encoded as if at the beginning.
  private let addsPrefixAfterSpecialTokens: Bool
  private let idsByText: [String: TokenID]

  /// Opens a model.
  ///
  /// - Parameters:
  ///   - serialized: The content of the model file.
  ///   - file: Its name, for errors.
  ///   - options: What the files beside the model say about it.
  public init(serialized: [UInt8], file: String, options: Options = Options()) throws(TokenizerError) {
    let model = try SentencePieceModelFile(serialized, file: file)
    if model.denormalizes {
      throw .unsupported(file: file, what: "denormalizer", found: "custom rules", supported: ["none"])
    }
    library = try SentencePieceLibrary(serialized, file: file)
    if library.vocabularySize != model.pieces.count {
      throw .malformed(file: file, reason: "not a SentencePiece model: its pieces cannot be counted")
    }
    unknownSurface = Array(model.unknownSurface.utf8)
    leadingSpace = model.removesExtraWhitespace ? .dropUntilText : model.addsDummyPrefix ? .dropOne : .keep

    var special: Set<TokenID> = []
    var hidden: Set<Int> = []
    var splitting = TextTrie()
    var markup = TextTrie()
    var idsByText: [String: TokenID] = [:]
    for (index, piece) in model.pieces.enumerated() {
      let id = TokenID(index)
      let isDeclared = options.specialTokens.contains(id)
      switch piece.type {
      case .control:
        special.insert(id)
        splitting.insert(piece.text, value: id)
      case .userDefined where isDeclared || Self.looksSpecial(piece.text):
        special.insert(id)
        hidden.insert(index)
        if isDeclared, options.addsPrefixAfterSpecialTokens { splitting.insert(piece.text, value: id) }
      case .normal where isDeclared:
        special.insert(id)
        hidden.insert(index)
        splitting.insert(piece.text, value: id)
      default: break
      }
      if special.contains(id) { markup.insert(piece.text, value: id) }
      if special.contains(id) || piece.type == .userDefined || piece.type == .unknown {
        idsByText[piece.text] = id
      }
    }
    var pieces = model.pieces
    for added in options.addedTokens where Int(added.id) >= model.pieces.count {
      guard !added.text.isEmpty, Int(added.id) < model.pieces.count + Self.maximumAddedCount else {
        throw .malformed(
          file: file, reason: "added token \(added.id) (\"\(added.text)\") is out of range or empty")
      }
      while pieces.count <= Int(added.id) { pieces.append(.init(text: "", type: .control)) }
      let isMarkup = added.isSpecial || Self.looksSpecial(added.text)
      pieces[Int(added.id)] = .init(text: added.text, type: isMarkup ? .control : .userDefined)
      if isMarkup { special.insert(added.id) }
      splitting.insert(added.text, value: added.id)
      if isMarkup { markup.insert(added.text, value: added.id) }
      idsByText[added.text] = added.id
    }
    self.pieces = pieces
    wholeTexts = pieces.enumerated().map { index, piece in
      if special.contains(TokenID(index)) { return nil }
      switch piece.type {
      case .normal, .userDefined, .unused:
        return String(decoding: Self.unescaped(piece.text), as: UTF8.self)
      case .unknown, .control, .byte: return nil
      }
    }
    self.special = special
    self.splitting = splitting
    self.markup = markup
    addsPrefixAfterSpecialTokens = options.addsPrefixAfterSpecialTokens
    self.idsByText = idsByText
    let plain = hidden.isEmpty ? serialized : model.hidingPieces(hidden)
    libraryWithoutSpecials = hidden.isEmpty ? library : try SentencePieceLibrary(plain, file: file)
    guard model.addsDummyPrefix else {
      withoutPrefix = nil
      withoutSpecialsAndPrefix = nil
      return
    }
    withoutPrefix = LazyLibrary(SentencePieceModelFile.withoutDummyPrefix(serialized), fallback: library)
    withoutSpecialsAndPrefix = LazyLibrary(
      SentencePieceModelFile.withoutDummyPrefix(plain), fallback: libraryWithoutSpecials)
  }

  /// The number of ids.
  public var vocabularySize: Int { pieces.count }
  /// The token that begins every sequence, where the vocabulary has one.
  public var beginningOfSequence: TokenID? { library.beginningOfSequence }
  /// The token that ends a sequence, where the vocabulary has one.
  public var endOfSequence: TokenID? { library.endOfSequence }
  /// The token that stands for text the vocabulary cannot spell.
  public var unknown: TokenID? { library.unknown }

  /// The ids of `text`; special tokens are recognised only where asked for.
  public func encode(_ text: String, parsingSpecialTokens: Bool) -> [TokenID] {
    guard parsingSpecialTokens else { return encode(text, with: libraryWithoutSpecials) }
    var ids: [TokenID] = []
    for fragment in splitting.split(text) {
      switch fragment {
      case .token(let id): ids.append(id)
      case .text(let part):
        let addsPrefix = ids.isEmpty || addsPrefixAfterSpecialTokens
        ids += encode(part, with: addsPrefix ? library : withoutPrefix?.library ?? library)
      }
    }
    return ids
  }

  /// The ids of `text`, in which only texts of special tokens without a mark inside become these tokens.
  public func encode(_ text: String, literalMark mark: LiteralMark) -> [TokenID] {
    if !text.unicodeScalars.contains(mark.scalar) { return encode(text, parsingSpecialTokens: true) }
    var ids: [TokenID] = []
    for fragment in markup.split(text) {
      switch fragment {
      case .token(let id): ids.append(id)
      case .text(let part):
        let follows = ids.last.map { addsPrefixAfterSpecialTokens && splitting.contains($0) }
        let other = follows ?? true ? nil : withoutSpecialsAndPrefix?.library
        ids += encode(mark.removed(from: part), with: other ?? libraryWithoutSpecials)
      }
    }
    return ids
  }

  /// The text with a mark inside every text of a special token in it.
  public func marking(_ text: String, with mark: LiteralMark) -> String {
    mark.inserted(into: text, at: markup)
  }

  /// The raw bytes that a token contributes to text: none for control tokens, nil for an id out of range.
  public func bytes(of token: TokenID) -> [UInt8]? {
    guard let piece = self[token] else { return nil }
    switch piece.type {
    case .control: return []
    case .unknown: return unknownSurface
    case .byte: return SentencePieceModelFile.byteValue(of: piece.text).map { [$0] }
    case .normal, .userDefined, .unused: return Self.unescaped(piece.text)
    }
  }

  /// The text of a token that spells whole characters whatever stands around it.
  public func wholeText(of token: TokenID) -> String? {
    let index = Int(token)
    return wholeTexts.indices.contains(index) ? wholeTexts[index] : nil
  }

  /// The vocabulary's own spelling of a token.
  public func piece(of token: TokenID) -> String? { self[token]?.text }

  /// Whether a token begins with a space that decoding may drop at the beginning of text.
  public func beginsWithSpaceMark(_ token: TokenID) -> Bool {
    guard let piece = self[token] else { return false }
    switch piece.type {
    case .normal, .userDefined, .unused: return piece.text.unicodeScalars.first == "\u{2581}"
    case .unknown, .control, .byte: return false
    }
  }

  /// Whether a token marks structure instead of spelling text.
  public func isSpecial(_ token: TokenID) -> Bool { special.contains(token) }

  /// The special or added token whose text is exactly `text`.
  public func token(for text: String) -> TokenID? { idsByText[text] }

  // MARK: - Parts

  private subscript(_ token: TokenID) -> SentencePieceModelFile.Piece? {
    let index = Int(token)
    return pieces.indices.contains(index) ? pieces[index] : nil
  }

  /// The bytes of a piece with its space marks, U+2581 or E2 96 81, as spaces. On bytes, because to Swift's own `replacing` a
  /// mark with a combining accent behind it is another character, and because it is done for every piece of the vocabulary.
  private static func unescaped(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    for byte in text.utf8 {
      bytes.append(byte)
      if byte == 0x81, bytes.count >= 3, bytes[bytes.count - 2] == 0x96, bytes[bytes.count - 3] == 0xE2 {
        bytes.removeLast(2)
        bytes[bytes.count - 1] = 0x20
      }
    }
    return bytes
  }

  private func encode(_ text: String, with library: SentencePieceLibrary) -> [TokenID] {
    if text.isEmpty { return [] }
    // The library refuses text only where a model contradicts itself: then nothing of the text is in its vocabulary.
    return library.encode(text) ?? unknown.map { [$0] } ?? []
  }

  /// More tokens than this behind a vocabulary are a mistake.
  private static let maximumAddedCount = 65_536

  /// Whether a user-defined piece is markup, such as `<think>`, `<|user|>` or `[unused16]`.
  ///
  /// Other user-defined pieces are text that the vocabulary wanted whole: digits, runs of spaces, line ends.
  static func looksSpecial(_ text: String) -> Bool {
    guard text.utf8.count > 2, let first = text.utf8.first, let last = text.utf8.last else { return false }
    switch (first, last) {
    case (UInt8(ascii: "<"), UInt8(ascii: ">")), (UInt8(ascii: "["), UInt8(ascii: "]")): return true
    default: return false
    }
  }
}
