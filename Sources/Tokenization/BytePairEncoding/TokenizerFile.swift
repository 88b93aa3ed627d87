import ChatTemplates

/// `tokenizer.json`, taken apart: the vocabulary and the merges, which are large, in compact tables, and everything
/// else as JSON.
struct TokenizerFile {
  let file: String
  private(set) var vocabulary = PieceTable(expectedCount: 160_000)
  private(set) var merges = MergeTable(expectedCount: 160_000)
  /// The top level without `model`.
  private(set) var root = TemplateDictionary()
  /// The model without `vocab` and `merges`.
  private(set) var model = TemplateDictionary()

  private let bytes: [UInt8]
  private var position = 0
  private var mergesAt: Int?

  init(_ bytes: [UInt8], file: String) throws(TokenizerError) {
    self.file = file
    self.bytes = bytes
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    var hasModel = false
    try object { (reader, key) throws(TokenizerError) in
      if key != "model" {
        reader.root[key] = try reader.value()
        return
      }
      hasModel = true
      try reader.readModel()
    }
    skipSpace()
    if position < bytes.count { throw error("more text after the document") }
    if !hasModel { throw malformed("there is no \"model\"") }
  }

  private mutating func readModel() throws(TokenizerError) {
    try object { (reader, key) throws(TokenizerError) in
      switch key {
      case "vocab":
        reader.skipSpace()
        // Other kinds of model have lists here; what they are is said by "type".
        if reader.byte == UInt8(ascii: "{") { try reader.readVocabulary() } else { try reader.skipValue() }
      case "merges":
        reader.skipSpace()
        reader.mergesAt = reader.position
        try reader.skipValue()
      default: reader.model[key] = try reader.value()
      }
    }
    guard let start = mergesAt else { return }
    let end = position
    position = start
    if byte == UInt8(ascii: "[") { try readMerges() }
    position = end
  }

  // MARK: - Vocabulary and merges

  private mutating func readVocabulary() throws(TokenizerError) {
    var scratch: [UInt8] = []
    try enter("{")
    if closes("}") { return }
    repeat {
      skipSpace()
      let text = try string(&scratch)
      skipSpace()
      if !closes(":") { throw error("expected a colon") }
      skipSpace()
      let id = try number()
      let source = bytes
      let isNew: Bool
      if text.isEmpty {
        isNew = vocabulary.insert(scratch.span, id: id)
      } else {
        isNew = vocabulary.insert(source.span.extracting(text), id: id)
      }
      if !isNew { throw malformed("model.vocab: id \(id) is out of range, or it or its text is there twice") }
    } while try continues("}")
  }

  private mutating func readMerges() throws(TokenizerError) {
    var scratch: [UInt8] = []
    var pair: [UInt8] = []
    var rank: UInt32 = 0
    try enter("[")
    if closes("]") { return }
    repeat {
      skipSpace()
      pair.removeAll(keepingCapacity: true)
      var split: Int?
      if byte == UInt8(ascii: "[") {
        position += 1
        skipSpace()
        appendString(try string(&scratch), scratch, to: &pair)
        split = pair.count
        if !(try continues("]")) { throw error("a merge needs two texts") }
        skipSpace()
        appendString(try string(&scratch), scratch, to: &pair)
        skipSpace()
        if !closes("]") { throw error("a merge needs two texts") }
      } else {
        appendString(try string(&scratch), scratch, to: &pair)
        split = pair.firstIndex(of: 0x20)
        if let space = split { pair.remove(at: space) }
      }
      try addMerge(pair, split, rank)
      rank += 1
    } while try continues("]")
  }

  private mutating func addMerge(_ pair: [UInt8], _ split: Int?, _ rank: UInt32) throws(TokenizerError) {
    let text = pair.span
    guard let split, let left = vocabulary.id(of: text.extracting(0..<split)),
      let right = vocabulary.id(of: text.extracting(split..<pair.count)), let result = vocabulary.id(of: text)
    else {
      let shown = String(decoding: pair, as: UTF8.self)
      throw malformed("model.merges: entry \(rank) (\"\(shown)\") is not made of tokens of the vocabulary")
    }
    merges.insert(left, right, MergeTable.Merge(rank: rank, result: result))
  }

  // MARK: - JSON

  private func error(_ reason: String) -> TokenizerError {
    malformed("invalid JSON at byte \(position): \(reason)")
  }

  func malformed(_ reason: String) -> TokenizerError { .malformed(file: file, reason: reason) }

  private var byte: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  /// Passes a character if it is the next one.
  private mutating func closes(_ character: Unicode.Scalar) -> Bool {
    guard let byte, UInt32(byte) == character.value else { return false }
    position += 1
    return true
  }

  private mutating func enter(_ opening: Unicode.Scalar) throws(TokenizerError) {
    skipSpace()
    if !closes(opening) { throw error("expected \(opening)") }
    skipSpace()
  }

  /// Passes a comma (true) or the closing character (false).
  private mutating func continues(_ closing: Unicode.Scalar) throws(TokenizerError) -> Bool {
    skipSpace()
    if closes(",") { return true }
    if closes(closing) { return false }
    throw error("expected a comma")
  }

  private mutating func object(
    _ entry: (inout TokenizerFile, String) throws(TokenizerError) -> Void
  ) throws(TokenizerError) {
    var scratch: [UInt8] = []
    try enter("{")
    if closes("}") { return }
    repeat {
      skipSpace()
      var key: [UInt8] = []
      appendString(try string(&scratch), scratch, to: &key)
      skipSpace()
      if !closes(":") { throw error("expected a colon") }
      try entry(&self, String(decoding: key, as: UTF8.self))
    } while try continues("}")
  }

  private mutating func value() throws(TokenizerError) -> TemplateValue {
    skipSpace()
    let start = position
    try skipValue()
    do {
      return try TemplateValue(parsingJSON: Array(bytes[start..<position]))
    } catch {
      throw malformed("invalid JSON at byte \(start + error.offset): \(error.reason)")
    }
  }

  /// Passes a value without looking closely; a bad one is found by whoever reads it.
  private mutating func skipValue() throws(TokenizerError) {
    var depth = 0
    while let byte {
      switch byte {
      case UInt8(ascii: "\""):
        try skipString()
        if depth == 0 { return }
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        position += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        if depth == 0 { return }
        depth -= 1
        position += 1
        if depth == 0 { return }
      case UInt8(ascii: ",") where depth == 0: return
      default: position += 1
      }
    }
    throw error("the document ends too early")
  }

  private mutating func skipString() throws(TokenizerError) {
    position += 1
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "\""):
        position += 1
        return
      case UInt8(ascii: "\\"): position += 2
      default: position += 1
      }
    }
    throw error("a string does not end")
  }

  /// Reads a string: where it lies if it is spelled without escapes, else its meaning in `scratch` and an empty range.
  private mutating func string(_ scratch: inout [UInt8]) throws(TokenizerError) -> Range<Int> {
    guard byte == UInt8(ascii: "\"") else { throw error("expected a string") }
    let start = position + 1
    scratch.removeAll(keepingCapacity: true)
    var end = start
    while end < bytes.count, bytes[end] != UInt8(ascii: "\""), bytes[end] != UInt8(ascii: "\\") { end += 1 }
    if end < bytes.count, bytes[end] == UInt8(ascii: "\"") {
      position = end + 1
      return start..<end
    }
    position = start - 1
    let text = try value()
    scratch.append(contentsOf: Array((text.string ?? "").utf8))
    return start..<start
  }

  private func appendString(_ range: Range<Int>, _ scratch: [UInt8], to text: inout [UInt8]) {
    text.append(contentsOf: range.isEmpty ? scratch[...] : bytes[range])
  }

  private mutating func number() throws(TokenizerError) -> Int {
    let start = position
    while let byte, (0x30...0x39).contains(byte) { position += 1 }
    guard let number = Int(String(decoding: bytes[start..<position], as: UTF8.self)) else {
      throw error("expected an id")
    }
    return number
  }
}
