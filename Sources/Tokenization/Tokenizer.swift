/// The number of a token in a vocabulary.
public typealias TokenID = Int32

/// Turns text into token ids and back.
///
/// A tokenizer is a value without state: every method may be called from any number of threads.
public protocol Tokenizer: Sendable {
  /// What the tokenizer is, for people: "sentencepiece" or "byte-level BPE".
  var kind: String { get }

  /// The number of ids; valid ids are `0 ..< vocabularySize`.
  var vocabularySize: Int { get }

  /// The token that begins every sequence, where the vocabulary has one.
  var beginningOfSequence: TokenID? { get }

  /// The token that ends a sequence, where the vocabulary has one.
  var endOfSequence: TokenID? { get }

  /// The token that stands for text the vocabulary cannot spell.
  var unknown: TokenID? { get }

  /// What decoding does to a leading space.
  var leadingSpace: LeadingSpaceRule { get }

  /// What decoding does with bytes that are not UTF-8.
  var invalidBytes: InvalidByteRule { get }

  /// The ids of `text`. No beginning-of-sequence token is added.
  ///
  /// - Parameter parsingSpecialTokens: Whether the text of a special token, such as `<think>`, becomes that token.
  ///   Without it the characters are encoded as ordinary text, so that a prompt cannot forge a special token.
  func encode(_ text: String, parsingSpecialTokens: Bool) -> [TokenID]

  /// The ids of `text`, in which texts of special tokens become these tokens unless `literalMark` stands inside them.
  /// The marks themselves are not encoded.
  func encode(_ text: String, literalMark: LiteralMark) -> [TokenID]

  /// The text with a mark inside every text of a special token in it.
  func marking(_ text: String, with mark: LiteralMark) -> String

  /// The raw bytes that a token contributes to text, which may be a part of a character.
  ///
  /// - Returns: An empty array for control tokens; nil for an id out of range.
  func bytes(of token: TokenID) -> [UInt8]?

  /// The text of a token that spells whole characters whatever stands around it: what `bytes(of:)` says, decoded in advance.
  ///
  /// - Returns: Nil where that cannot be said in advance, as by default.
  func wholeText(of token: TokenID) -> String?

  /// The vocabulary's own spelling of a token, control tokens included; nil for an id out of range.
  func piece(of token: TokenID) -> String?

  /// Whether a token begins with a space that decoding may drop at the beginning of text, as `leadingSpace` says.
  func beginsWithSpaceMark(_ token: TokenID) -> Bool

  /// Whether a token marks structure instead of spelling text. False for an id out of range.
  func isSpecial(_ token: TokenID) -> Bool

  /// The special or added token whose text is exactly `text`, such as `<think>`.
  func token(for text: String) -> TokenID?
}

/// What decoding does to the space in front of the first word.
public enum LeadingSpaceRule: Sendable {
  /// Spaces are text like any other.
  case keep
  /// The tokenizer adds one space in front of any text, so decoding drops one.
  case dropOne
  /// As long as there is no text yet, every token loses its leading space.
  case dropUntilText
}

/// What decoding makes of bytes that are not UTF-8.
public enum InvalidByteRule: Sendable {
  /// One U+FFFD for every byte, as SentencePiece does.
  case replaceEachByte
  /// One U+FFFD for every truncated character, as the Unicode standard recommends.
  case replaceMaximalPart
}

extension Tokenizer {
  /// Nothing is known in advance.
  public func wholeText(of token: TokenID) -> String? { nil }

  /// The text of `tokens`.
  ///
  /// - Parameter skippingSpecialTokens: Whether special tokens are left out; otherwise their own text is shown.
  /// - Throws: `TokenizerError.tokenOutOfRange` for an id that the vocabulary does not have: such a token has no
  ///   text, and leaving it out silently would hide a mistake.
  public func decode(_ tokens: [TokenID], skippingSpecialTokens: Bool) throws(TokenizerError) -> String {
    var detokenizer = StreamingDetokenizer(self, skippingSpecialTokens: skippingSpecialTokens)
    var text = ""
    for token in tokens {
      guard token >= 0, Int(token) < vocabularySize else {
        throw .tokenOutOfRange(token: Int(token), vocabularySize: vocabularySize)
      }
      text += detokenizer.append(token)
    }
    return text + detokenizer.finish()
  }
}
