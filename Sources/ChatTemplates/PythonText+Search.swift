/// Finding and replacing, on bytes: no character's UTF-8 code begins within another's.
extension PythonText {
  /// The first place, in characters, where `part` stands in `text`.
  static func find(_ part: String, in text: String) -> Int? {
    let bytes = Array(text.utf8)
    let place = ByteSearch(Array(part.utf8)).first(in: bytes.span, from: 0, to: bytes.count)
    return place.map { characterCount(bytes[..<$0]) }
  }

  /// The last place, in characters, where `part` stands in `text`.
  static func findLast(_ part: String, in text: String) -> Int? {
    let bytes = Array(text.utf8)
    var last: Int?
    forEachFromRight(Array(part.utf8), in: bytes, limit: 1) { last = $0 }
    return last.map { characterCount(bytes[..<$0]) }
  }

  /// How often `part` stands in `text`, without overlap.
  static func count(of part: String, in text: String) -> Int {
    if part.isEmpty { return text.unicodeScalars.count + 1 }
    var count = 0
    forEach(Array(part.utf8), in: Array(text.utf8), limit: nil) { _ in count += 1 }
    return count
  }

  /// The places of a part that is not empty, without overlap, from left to right.
  private static func forEach(_ part: [UInt8], in text: [UInt8], limit: Int?, _ body: (Int) -> Void) {
    let search = ByteSearch(part)
    var left = limit ?? .max
    var start = 0
    while left > 0, let place = search.first(in: text.span, from: start, to: text.count) {
      body(place)
      start = place + part.count
      left -= 1
    }
  }

  /// The places of a part, without overlap, from right to left.
  private static func forEachFromRight(
    _ part: [UInt8], in text: [UInt8], limit: Int, _ body: (Int) -> Void
  ) {
    let search = ByteSearch(part.reversed())
    let reversed: [UInt8] = text.reversed()
    var left = limit
    var start = 0
    while left > 0, let place = search.first(in: reversed.span, from: start, to: reversed.count) {
      body(text.count - place - part.count)
      start = place + part.count
      left -= 1
    }
  }

  /// Replaces the first `limit` places where `old` stands in `text`, all of them without a limit.
  static func replacing(_ old: String, with new: String, in text: String, limit: Int? = nil) -> String {
    if old.isEmpty { return replacingNothing(with: new, in: text, limit: limit ?? .max) }
    let (bytes, part) = (Array(text.utf8), Array(old.utf8))
    var result: [UInt8] = []
    var end = 0
    forEach(part, in: bytes, limit: limit) { place in
      result += bytes[end..<place]
      result += new.utf8
      end = place + part.count
    }
    return String(decoding: result + bytes[end...], as: UTF8.self)
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
    let (bytes, mark) = (Array(text.utf8), Array(separator.utf8))
    var pieces: [String] = []
    var start = 0
    forEach(mark, in: bytes, limit: limit) { place in
      pieces.append(String(decoding: bytes[start..<place], as: UTF8.self))
      start = place + mark.count
    }
    return pieces + [String(decoding: bytes[start...], as: UTF8.self)]
  }

  /// Divides a text at a separator, which is not empty, at most `limit` times from the right.
  static func piecesFromRight(of text: String, separator: String, limit: Int) -> [String] {
    let (bytes, mark) = (Array(text.utf8), Array(separator.utf8))
    var pieces: [String] = []
    var end = bytes.count
    forEachFromRight(mark, in: bytes, limit: limit) { place in
      pieces.append(String(decoding: bytes[place + mark.count..<end], as: UTF8.self))
      end = place
    }
    return [String(decoding: bytes[..<end], as: UTF8.self)] + Array(pieces.reversed())
  }

  /// The number of runs of characters that are not white space.
  static func wordCount(_ text: String) -> Int {
    var count = 0
    var isInWord = false
    for scalar in text.unicodeScalars {
      let isWord = !isSpace(scalar)
      if isWord, !isInWord { count += 1 }
      isInWord = isWord
    }
    return count
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
