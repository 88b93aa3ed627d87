/// A set of texts, each with an id, that are found in longer text from left to right, the longest first.
struct TextTrie: Sendable {
  /// A part of a text.
  enum Fragment: Equatable {
    case text(String)
    case token(TokenID)
  }

  private struct Node: Sendable {
    var children: [UInt8: Int32] = [:]
    var value: TokenID?
  }

  private var nodes = [Node()]
  private var values: Set<TokenID> = []
  /// Which bytes begin any entry, so that ordinary text is passed over quickly.
  private var beginsEntry = [Bool](repeating: false, count: 256)

  var isEmpty: Bool { nodes.count == 1 }

  /// Whether an entry has this value.
  func contains(_ value: TokenID) -> Bool { values.contains(value) }

  /// Adds a text, which must not be empty.
  mutating func insert(_ text: String, value: TokenID) {
    var current = 0
    for byte in text.utf8 {
      if current == 0 { beginsEntry[Int(byte)] = true }
      if let next = nodes[current].children[byte] {
        current = Int(next)
      } else {
        nodes.append(Node())
        let next = nodes.count - 1
        nodes[current].children[byte] = Int32(next)
        current = next
      }
    }
    if current == 0 { return }
    nodes[current].value = value
    values.insert(value)
  }

  /// The longest entry that begins at `start` and ends before `end`, with its length in bytes.
  func longestMatch(in bytes: [UInt8], at start: Int, end: Int? = nil) -> (value: TokenID, length: Int)? {
    guard beginsEntry[Int(bytes[start])] else { return nil }
    var current = 0
    var best: (value: TokenID, length: Int)?
    for position in start..<(end ?? bytes.count) {
      guard let next = nodes[current].children[bytes[position]] else { break }
      current = Int(next)
      if let value = nodes[current].value { best = (value, position - start + 1) }
    }
    return best
  }

  /// Divides a text at the entries it contains. No fragment of text is empty.
  func split(_ text: String) -> [Fragment] {
    if isEmpty { return text.isEmpty ? [] : [.text(text)] }
    let bytes = Array(text.utf8)
    var fragments: [Fragment] = []
    var textStart = 0
    var position = 0
    while position < bytes.count {
      guard let match = longestMatch(in: bytes, at: position) else {
        position += 1
        continue
      }
      if textStart < position {
        fragments.append(.text(String(decoding: bytes[textStart..<position], as: UTF8.self)))
      }
      fragments.append(.token(match.value))
      position += match.length
      textStart = position
    }
    if textStart < bytes.count {
      fragments.append(.text(String(decoding: bytes[textStart...], as: UTF8.self)))
    }
    return fragments
  }
}
