/// A character that keeps a piece of text from being taken for a special token.
///
/// A chat template mixes markup of its own with what people wrote. Put inside every text of a special token that
/// people wrote, before the template is rendered, the mark lets the tokenizer tell the two apart afterwards; it is
/// removed before anything is encoded.
public struct LiteralMark: Sendable, Equatable {
  /// A character that Unicode reserves for uses like this one, never for text.
  public let scalar: Unicode.Scalar

  /// A mark that none of `texts` holds.
  ///
  /// - Returns: Nil where all 32 candidates occur in the texts, which no honest text does.
  public init?(absentFrom texts: [String]) {
    for value in UInt32(0xFDD0)...0xFDEF {
      guard let scalar = Unicode.Scalar(value) else { continue }
      if !texts.contains(where: { $0.unicodeScalars.contains(scalar) }) {
        self.scalar = scalar
        return
      }
    }
    return nil
  }

  var bytes: [UInt8] { Array(String(scalar).utf8) }

  /// The text without marks.
  func removed(from text: String) -> String {
    if !text.unicodeScalars.contains(scalar) { return text }
    var result = String.UnicodeScalarView()
    for character in text.unicodeScalars where character != scalar { result.append(character) }
    return String(result)
  }

  /// The bytes without marks.
  func removed(from bytes: [UInt8]) -> [UInt8] {
    Array(removed(from: String(decoding: bytes, as: UTF8.self)).utf8)
  }

  /// The text with a mark behind the first character of every entry of `trie` in it.
  func inserted(into text: String, at trie: TextTrie) -> String {
    let bytes = Array(text.utf8)
    var result: [UInt8] = []
    var position = 0
    while position < bytes.count {
      if trie.longestMatch(in: bytes, at: position) != nil {
        let lead = bytes[position]
        let length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
        result += bytes[position..<min(position + length, bytes.count)]
        result += self.bytes
        position += length
      } else {
        result.append(bytes[position])
        position += 1
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
