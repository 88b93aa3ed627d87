/// From text to ids.
extension BytePairTokenizer {
  /// The ids of `text`; special tokens are recognised only where asked for.
  public func encode(_ text: String, parsingSpecialTokens: Bool) -> [TokenID] {
    var encoder = BytePairEncoder(self, parsingSpecialTokens: parsingSpecialTokens, literalMark: nil)
    encoder.encode(Array(text.utf8))
    return encoder.ids
  }

  /// The ids of `text`, in which only texts of special tokens without a mark inside become these tokens.
  public func encode(_ text: String, literalMark mark: LiteralMark) -> [TokenID] {
    let isMarked = text.unicodeScalars.contains(mark.scalar)
    var encoder = BytePairEncoder(self, parsingSpecialTokens: true, literalMark: isMarked ? mark : nil)
    encoder.encode(Array(text.utf8))
    return encoder.ids
  }

  /// The text with a mark inside every text of a special token in it.
  public func marking(_ text: String, with mark: LiteralMark) -> String {
    mark.inserted(into: text, at: markup)
  }
}

/// Encodes one text, remembering the words it has met.
private struct BytePairEncoder {
  private(set) var ids: [TokenID] = []
  private let tokenizer: BytePairTokenizer
  private let parsesSpecialTokens: Bool
  private let literalMark: LiteralMark?
  private var workspace = MergeWorkspace()
  private var symbols: [TokenID] = []
  private var cache: WordCache

  init(_ tokenizer: BytePairTokenizer, parsingSpecialTokens: Bool, literalMark: LiteralMark?) {
    self.tokenizer = tokenizer
    parsesSpecialTokens = parsingSpecialTokens
    self.literalMark = literalMark
    cache = WordCache()
  }

  mutating func encode(_ bytes: [UInt8]) {
    ids.reserveCapacity(bytes.count / 3)
    cache.prepare(textCount: bytes.count)
    let finder = parsesSpecialTokens ? tokenizer.rawFinders.all : tokenizer.rawFinders.plain
    for part in finder.parts(of: bytes, range: 0..<bytes.count) {
      switch part {
      case .token(let id): ids.append(id)
      case .text(let range):
        let text = range.count == bytes.count ? bytes : Array(bytes[range])
        encodeFragment(text, isTextBegin: range.lowerBound == 0)
      }
    }
  }

  /// Encodes text without raw added tokens in it.
  private mutating func encodeFragment(_ bytes: [UInt8], isTextBegin: Bool) {
    var text = bytes
    for normalizer in tokenizer.normalizers { text = normalizer.apply(to: text) }
    let finder = parsesSpecialTokens ? tokenizer.normalizedFinders.all : tokenizer.normalizedFinders.plain
    for part in finder.parts(of: text, range: 0..<text.count) {
      switch part {
      case .token(let id): ids.append(id)
      case .text(let range):
        var row = PieceRow(bytes: text, ranges: [range])
        if let literalMark {
          let part = literalMark.removed(from: Array(text[range]))
          row = PieceRow(bytes: part, ranges: [0..<part.count])
        }
        for step in tokenizer.preTokenizers {
          step.apply(to: &row, isTextBegin: isTextBegin && range.lowerBound == 0)
        }
        for piece in row.ranges { encodeWord(row.bytes.span.extracting(piece)) }
      }
    }
  }

  private mutating func encodeWord(_ word: Span<UInt8>) {
    if word.isEmpty { return }
    let hash = PieceTable.hash(word)
    if cache.append(word, hash, to: &ids) { return }
    symbols.removeAll(keepingCapacity: true)
    if tokenizer.ignoresMerges, let whole = wholeToken(word) {
      ids.append(whole)
      return
    }
    if tokenizer.isByteLevel {
      for index in 0..<word.count { addSymbol(tokenizer.byteTokens[Int(word[index])]) }
    } else {
      addCharacters(word)
    }
    workspace.merge(&symbols, tokenizer.merges)
    cache.store(word, hash, symbols)
    ids.append(contentsOf: symbols)
  }

  private func wholeToken(_ word: Span<UInt8>) -> TokenID? {
    if !tokenizer.isByteLevel { return tokenizer.vocabulary.id(of: word) }
    var spelling = ""
    for index in 0..<word.count { spelling.unicodeScalars.append(ByteAlphabet.scalars[Int(word[index])]) }
    return tokenizer.vocabulary.id(of: spelling)
  }

  private mutating func addSymbol(_ id: TokenID) {
    if id >= 0 {
      symbols.append(id)
    } else if let unknown = tokenizer.unknown, !(tokenizer.fusesUnknown && symbols.last == unknown) {
      symbols.append(unknown)
    }
  }

  /// One symbol for each character, or for each byte of a character that the vocabulary lacks.
  private mutating func addCharacters(_ word: Span<UInt8>) {
    var position = 0
    while position < word.count {
      let lead = word[position]
      let length = min(lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4, word.count - position)
      let character = word.extracting(position..<position + length)
      if let id = tokenizer.vocabulary.id(of: character) {
        symbols.append(id)
      } else {
        let bytes = (0..<length).map { tokenizer.byteTokens[Int(character[$0])] }
        if bytes.allSatisfy({ $0 >= 0 }) { symbols += bytes } else { addSymbol(-1) }
      }
      position += length
    }
  }
}

/// The ids of words met before, in a table in which newer words displace older ones.
private struct WordCache {
  private struct Entry {
    var hash: UInt64 = 0
    var wordStart: Int32 = 0
    var wordCount: Int32 = -1
    var idStart: Int32 = 0
    var idCount: Int32 = 0
  }

  private var entries: [Entry] = []
  private var words: [UInt8] = []
  private var ids: [TokenID] = []
  private static let slotCount = 1 << 14
  private static let maximumBytes = 1 << 22

  /// Makes room, unless the text is so short that a cache would cost more than it saves.
  mutating func prepare(textCount: Int) {
    if textCount > 4096 { entries = [Entry](repeating: Entry(), count: Self.slotCount) }
  }

  /// Appends the ids of a word, if it is known.
  mutating func append(_ word: Span<UInt8>, _ hash: UInt64, to target: inout [TokenID]) -> Bool {
    if entries.isEmpty { return false }
    let entry = entries[Int(truncatingIfNeeded: hash) & (Self.slotCount - 1)]
    guard entry.hash == hash, Int(entry.wordCount) == word.count else { return false }
    let start = Int(entry.wordStart)
    for index in 0..<word.count where words[start + index] != word[index] { return false }
    for index in Int(entry.idStart)..<Int(entry.idStart + entry.idCount) { target.append(ids[index]) }
    return true
  }

  mutating func store(_ word: Span<UInt8>, _ hash: UInt64, _ symbols: [TokenID]) {
    if entries.isEmpty || word.count > 64 { return }
    if words.count > Self.maximumBytes {
      words.removeAll(keepingCapacity: true)
      ids.removeAll(keepingCapacity: true)
      entries = [Entry](repeating: Entry(), count: Self.slotCount)
    }
    entries[Int(truncatingIfNeeded: hash) & (Self.slotCount - 1)] = Entry(
      hash: hash, wordStart: Int32(words.count), wordCount: Int32(word.count), idStart: Int32(ids.count),
      idCount: Int32(symbols.count))
    for index in 0..<word.count { words.append(word[index]) }
    ids.append(contentsOf: symbols)
  }
}
