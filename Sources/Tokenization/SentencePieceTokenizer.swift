/// A SentencePiece model (`tokenizer.model`), encoded by libsentencepiece.
public struct SentencePieceTokenizer: Tokenizer {
  /// What the files beside the model say about it.
  public struct Options: Sendable {
    /// Ids that the model's configuration declares special, besides the model's control pieces.
    public var specialTokens: Set<TokenID> = []
    /// Whether text after a special token is encoded as if it stood at the beginning, with a space in front of it.
    ///
    /// It concerns only tokens that the library itself does not recognise in text: control pieces and
    /// `specialTokens`. Transformers calls it `legacy`.
    public var addsPrefixAfterSpecialTokens = false

    /// The defaults: the model file alone decides.
    public init() {}
  }

  public let kind = "sentencepiece"
  public let invalidBytes = InvalidByteRule.replaceEachByte
  public let leadingSpace: LeadingSpaceRule

  /// The padding token, where the vocabulary has one.
  public var padding: TokenID? { library.padding }

  let library: SentencePieceLibrary
  /// Like `library`, but blind to the special pieces that it would match in text.
  private let libraryWithoutSpecials: SentencePieceLibrary
  /// Like `library`, but adding no space in front of text; nil where that would make no difference.
  private let libraryWithoutPrefix: SentencePieceLibrary?
  private let pieces: [SentencePieceModelFile.Piece]
  private let unknownSurface: [UInt8]
  private let special: Set<TokenID>
  private let splitting: TextTrie
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
    pieces = model.pieces
    unknownSurface = Array(model.unknownSurface.utf8)
    leadingSpace = model.removesExtraWhitespace ? .dropUntilText : model.addsDummyPrefix ? .dropOne : .keep

    var special: Set<TokenID> = []
    var matchedByLibrary: [Int] = []
    var splitting = TextTrie()
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
        matchedByLibrary.append(index)
        if isDeclared, options.addsPrefixAfterSpecialTokens { splitting.insert(piece.text, value: id) }
      case .normal where isDeclared:
        special.insert(id)
        splitting.insert(piece.text, value: id)
      default: break
      }
      if special.contains(id) || piece.type == .userDefined || piece.type == .unknown {
        idsByText[piece.text] = id
      }
    }
    self.special = special
    self.splitting = splitting
    self.idsByText = idsByText
    libraryWithoutSpecials =
      matchedByLibrary.isEmpty
      ? library : try SentencePieceLibrary(model.hidingPieces(matchedByLibrary), file: file)
    let needsPlainFragments = model.addsDummyPrefix && !options.addsPrefixAfterSpecialTokens && !splitting.isEmpty
    libraryWithoutPrefix =
      needsPlainFragments ? try SentencePieceLibrary(model.withoutDummyPrefix, file: file) : nil
  }

  public var vocabularySize: Int { pieces.count }
  public var beginningOfSequence: TokenID? { library.beginningOfSequence }
  public var endOfSequence: TokenID? { library.endOfSequence }
  public var unknown: TokenID? { library.unknown }

  public func encode(_ text: String, parsingSpecialTokens: Bool) -> [TokenID] {
    guard parsingSpecialTokens else { return encode(text, with: libraryWithoutSpecials) }
    var ids: [TokenID] = []
    for fragment in splitting.split(text) {
      switch fragment {
      case .token(let id): ids.append(id)
      case .text(let part):
        ids += encode(part, with: ids.isEmpty ? library : libraryWithoutPrefix ?? library)
      }
    }
    return ids
  }

  public func bytes(of token: TokenID) -> [UInt8]? {
    guard let piece = self[token] else { return nil }
    switch piece.type {
    case .control: return []
    case .unknown: return unknownSurface
    case .byte: return SentencePieceModelFile.byteValue(of: piece.text).map { [$0] }
    case .normal, .userDefined, .unused: return Self.unescaped(piece.text)
    }
  }

  public func piece(of token: TokenID) -> String? { self[token]?.text }

  public func beginsWithSpaceMark(_ token: TokenID) -> Bool {
    guard let piece = self[token] else { return false }
    switch piece.type {
    case .normal, .userDefined, .unused: return piece.text.unicodeScalars.first == "\u{2581}"
    case .unknown, .control, .byte: return false
    }
  }

  public func isSpecial(_ token: TokenID) -> Bool { special.contains(token) }

  public func token(for text: String) -> TokenID? { idsByText[text] }

  // MARK: - Parts

  private subscript(_ token: TokenID) -> SentencePieceModelFile.Piece? {
    let index = Int(token)
    return pieces.indices.contains(index) ? pieces[index] : nil
  }

  /// The bytes of a piece with its space marks as spaces.
  ///
  /// On scalars, because to Swift's own `replacing` a mark with a combining accent behind it is another character.
  private static func unescaped(_ text: String) -> [UInt8] {
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars { scalars.append(scalar == "\u{2581}" ? " " : scalar) }
    return Array(String(scalars).utf8)
  }

  private func encode(_ text: String, with library: SentencePieceLibrary) -> [TokenID] {
    if text.isEmpty { return [] }
    // The library refuses text only where a model contradicts itself: then nothing of the text is in its vocabulary.
    return library.encode(text) ?? unknown.map { [$0] } ?? []
  }

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
