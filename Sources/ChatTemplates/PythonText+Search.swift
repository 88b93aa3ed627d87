/// Finding and replacing, on bytes: no character's UTF-8 code begins within another's.
extension PythonText {
  /// The first place, in bytes, where `part` stands in `text` at or after `start`.
  static func find(_ part: [UInt8], in text: [UInt8], from start: Int = 0) -> Int? {
    guard let first = part.first else { return start <= text.count ? start : nil }
    var position = start
    while position + part.count <= text.count {
      if text[position] == first, text[position..<position + part.count].elementsEqual(part) {
        return position
      }
      position += 1
    }
    return nil
  }

  /// The last place, in bytes, where `part` stands in `text` and ends at or before `end`.
  static func findLast(_ part: [UInt8], in text: [UInt8], endingAt end: Int) -> Int? {
    var position = end - part.count
    while position >= 0 {
      if text[position..<position + part.count].elementsEqual(part) { return position }
      position -= 1
    }
    return nil
  }

  /// The first place, in characters, where `part` stands in `text`.
  static func find(_ part: String, in text: String) -> Int? {
    let bytes = Array(text.utf8)
    return find(Array(part.utf8), in: bytes).map { characterCount(bytes[..<$0]) }
  }

  /// The last place, in characters, where `part` stands in `text`.
  static func findLast(_ part: String, in text: String) -> Int? {
    let bytes = Array(text.utf8)
    return findLast(Array(part.utf8), in: bytes, endingAt: bytes.count).map { characterCount(bytes[..<$0]) }
  }

  /// How often `part` stands in `text`, without overlap.
  static func count(of part: String, in text: String) -> Int {
    if part.isEmpty { return text.unicodeScalars.count + 1 }
    return pieces(of: text, separator: part).count - 1
  }

  /// Replaces the first `limit` places where `old` stands in `text`, all of them without a limit.
  static func replacing(_ old: String, with new: String, in text: String, limit: Int? = nil) -> String {
    if old.isEmpty { return replacingNothing(with: new, in: text, limit: limit ?? .max) }
    return pieces(of: text, separator: old, limit: limit).joined(separator: new)
  }

  /// Replacing nothing puts the new text in front of every character and at the end.
  private static func replacingNothing(with new: String, in text: String, limit: Int) -> String {
    var result = ""
    var left = limit
    for scalar in text.unicodeScalars {
      if left > 0 { result += new }
      left -= 1
      result.unicodeScalars.append(scalar)
    }
    return left > 0 ? result + new : result
  }

  /// Divides a text at a separator, which is not empty, at most `limit` times.
  static func pieces(of text: String, separator: String, limit: Int? = nil) -> [String] {
    let bytes = Array(text.utf8)
    let separator = Array(separator.utf8)
    var pieces: [String] = []
    var start = 0
    while pieces.count < limit ?? .max, let end = find(separator, in: bytes, from: start) {
      pieces.append(String(decoding: bytes[start..<end], as: UTF8.self))
      start = end + separator.count
    }
    return pieces + [String(decoding: bytes[start...], as: UTF8.self)]
  }

  /// Divides a text at a separator, which is not empty, at most `limit` times from the right.
  static func piecesFromRight(of text: String, separator: String, limit: Int) -> [String] {
    let bytes = Array(text.utf8)
    let separator = Array(separator.utf8)
    var pieces: [String] = []
    var end = bytes.count
    while pieces.count < limit, let start = findLast(separator, in: bytes, endingAt: end) {
      pieces.append(String(decoding: bytes[start + separator.count..<end], as: UTF8.self))
      end = start
    }
    return [String(decoding: bytes[..<end], as: UTF8.self)] + Array(pieces.reversed())
  }

  /// Divides a text at runs of white space, at most `limit` times; there are no empty pieces. What is left beyond the
  /// limit keeps the white space at its far end.
  static func words(of text: String, limit: Int? = nil, fromRight: Bool = false) -> [String] {
    let scalars = fromRight ? Array(text.unicodeScalars.reversed()) : Array(text.unicodeScalars)
    var words: [[Unicode.Scalar]] = []
    var rest = scalars[...].drop(while: isSpace)
    while !rest.isEmpty {
      if words.count == limit ?? .max {
        words.append(Array(rest))
        break
      }
      let word = rest.prefix { !isSpace($0) }
      words.append(Array(word))
      rest = rest.dropFirst(word.count).drop(while: isSpace)
    }
    return fromRight ? words.reversed().map { string($0.reversed()) } : words.map { string($0) }
  }

  private static func characterCount(_ bytes: ArraySlice<UInt8>) -> Int {
    bytes.count { $0 & 0xC0 != 0x80 }
  }
}
