/// Turns tokens into text as they arrive, without ever emitting a part of a character.
///
/// The concatenation of everything it returns equals decoding all tokens at once:
/// ```swift
/// var detokenizer = StreamingDetokenizer(tokenizer)
/// for token in tokens { print(detokenizer.append(token), terminator: "") }
/// print(detokenizer.finish())
/// ```
public struct StreamingDetokenizer: Sendable {
  private let tokenizer: any Tokenizer
  private let skippingSpecialTokens: Bool
  private let leadingSpace: LeadingSpaceRule
  private var assembler: UTF8Assembler
  private var isAtStart: Bool

  /// Begins a text.
  ///
  /// - Parameters:
  ///   - tokenizer: The tokenizer that the tokens belong to.
  ///   - skippingSpecialTokens: Whether special tokens are left out; otherwise their own text is shown.
  ///   - continuing: Whether earlier text stands before these tokens, so that a leading space is a real one.
  public init(_ tokenizer: any Tokenizer, skippingSpecialTokens: Bool = true, continuing: Bool = false) {
    self.tokenizer = tokenizer
    self.skippingSpecialTokens = skippingSpecialTokens
    leadingSpace = tokenizer.leadingSpace
    assembler = UTF8Assembler(rule: tokenizer.invalidBytes)
    isAtStart = !continuing && leadingSpace != .keep
  }

  /// Takes one token and returns the text that is now certain, often empty within a character.
  ///
  /// An id out of range adds nothing: models have embedding rows beyond their vocabulary, which spell no text.
  public mutating func append(_ token: TokenID) -> String {
    if !isAtStart, !assembler.isHoldingBytes, let text = tokenizer.wholeText(of: token) { return text }
    guard var bytes = tokenizer.bytes(of: token)?[...] else { return "" }
    if tokenizer.isSpecial(token) {
      if !bytes.isEmpty || !skippingSpecialTokens { isAtStart = false }
      // SentencePiece never joins bytes across another token; a byte-level decoder does not see skipped tokens.
      if skippingSpecialTokens, tokenizer.invalidBytes == .replaceMaximalPart { return "" }
      let held = assembler.finish()
      return skippingSpecialTokens ? held : held + (tokenizer.piece(of: token) ?? "")
    }
    if isAtStart, tokenizer.beginsWithSpaceMark(token), bytes.first == 0x20 {
      bytes.removeFirst()
      if leadingSpace == .dropOne { isAtStart = false }
    }
    if !bytes.isEmpty { isAtStart = false }
    return assembler.append(bytes)
  }

  /// Ends the text and returns what was held back: U+FFFD for bytes that never became a character.
  public mutating func finish() -> String {
    assembler.finish()
  }
}
