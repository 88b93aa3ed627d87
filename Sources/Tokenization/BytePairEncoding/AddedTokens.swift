import ChatTemplates

/// A token that is found in text as a whole, before anything else happens.
struct AddedToken: Sendable {
  var id: TokenID
  var content: String
  var isSpecial: Bool
  var isSingleWord: Bool
  var takesSpaceBefore: Bool
  var takesSpaceAfter: Bool
  /// Whether the token is looked for in normalized text.
  var isNormalized: Bool

  /// Longer texts would make it slow to look for them, and nobody has them.
  private static let maximumBytes = 1024

  init(_ value: TemplateValue, file: String) throws(TokenizerError) {
    guard let number = value["id"]?.int, number >= 0, number <= PieceTable.maximumID,
      let content = value["content"]?.string, !content.isEmpty
    else {
      throw .malformed(file: file, reason: "added_tokens: an entry lacks \"id\" or \"content\"")
    }
    if content.utf8.count > Self.maximumBytes {
      throw .malformed(
        file: file, reason: "added_tokens: token \(number) has more than \(Self.maximumBytes) bytes")
    }
    id = TokenID(number)
    self.content = content
    isSpecial = value["special"]?.bool ?? false
    isSingleWord = value["single_word"]?.bool ?? false
    takesSpaceBefore = value["lstrip"]?.bool ?? false
    takesSpaceAfter = value["rstrip"]?.bool ?? false
    isNormalized = value["normalized"]?.bool ?? !isSpecial
  }

  /// Whether a prompt could forge structure by the token's text.
  var isMarkup: Bool { isSpecial || SentencePieceTokenizer.looksSpecial(content) }
}

/// Finds added tokens in text: the longest at the leftmost place, by a trie.
struct AddedTokenFinder: Sendable {
  enum Part {
    case text(Range<Int>)
    case token(TokenID)
  }

  private var trie = TextTrie()
  private var tokens: [TokenID: AddedToken] = [:]

  init(_ tokens: [AddedToken], spelling: (String) -> String) {
    for token in tokens {
      let text = spelling(token.content)
      if text.isEmpty { continue }
      trie.insert(text, value: token.id)
      self.tokens[token.id] = token
    }
  }

  /// Divides bytes at the tokens in them. No part of text is empty.
  func parts(of bytes: [UInt8], range: Range<Int>) -> [Part] {
    if trie.isEmpty { return range.isEmpty ? [] : [.text(range)] }
    var parts: [Part] = []
    var textStart = range.lowerBound
    var position = range.lowerBound
    while position < range.upperBound {
      guard let match = trie.longestMatch(in: bytes, at: position, end: range.upperBound),
        let token = tokens[match.value]
      else {
        position += 1
        continue
      }
      var start = position
      var stop = position + match.length
      position = stop
      if token.isSingleWord, Self.touchesWord(bytes, range, start, stop) { continue }
      if token.takesSpaceBefore {
        while start > textStart, let length = Self.spaceLength(bytes, before: start, from: textStart) {
          start -= length
        }
      }
      if token.takesSpaceAfter {
        while let length = Self.spaceLength(bytes, at: stop, to: range.upperBound) { stop += length }
      }
      if textStart < start { parts.append(.text(textStart..<start)) }
      parts.append(.token(token.id))
      textStart = stop
      position = max(position, stop)
    }
    if textStart < range.upperBound { parts.append(.text(textStart..<range.upperBound)) }
    return parts
  }

  private static func scalar(_ bytes: ArraySlice<UInt8>) -> Unicode.Scalar? {
    String(decoding: bytes, as: UTF8.self).unicodeScalars.first
  }

  private static func spaceLength(_ bytes: [UInt8], at position: Int, to end: Int) -> Int? {
    guard position < end, let scalar = scalar(bytes[position..<min(position + 4, end)]) else { return nil }
    return GeneralCategories.isWhiteSpace(scalar.value) ? String(scalar).utf8.count : nil
  }

  private static func spaceLength(_ bytes: [UInt8], before position: Int, from start: Int) -> Int? {
    var begin = position - 1
    while begin > start, bytes[begin] & 0xC0 == 0x80 { begin -= 1 }
    guard begin >= start, let scalar = scalar(bytes[begin..<position]) else { return nil }
    return GeneralCategories.isWhiteSpace(scalar.value) ? position - begin : nil
  }

  private static func touchesWord(_ bytes: [UInt8], _ range: Range<Int>, _ start: Int, _ stop: Int) -> Bool {
    func isWord(_ scalar: Unicode.Scalar?) -> Bool {
      guard let scalar else { return false }
      let index = GeneralCategories.index(of: scalar.value)
      return index <= 10 || index == 11
    }
    var begin = start - 1
    while begin > range.lowerBound, bytes[begin] & 0xC0 == 0x80 { begin -= 1 }
    let before = begin >= range.lowerBound ? scalar(bytes[begin..<start]) : nil
    let after = stop < range.upperBound ? scalar(bytes[stop..<min(stop + 4, range.upperBound)]) : nil
    return isWord(before) || isWord(after)
  }
}
