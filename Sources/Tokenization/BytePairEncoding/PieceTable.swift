/// The texts of a vocabulary by id, and the ids by text, without one object per text.
struct PieceTable: Sendable {
  private var bytes: [UInt8] = []
  /// Where the text of each id lies; an id without a text has length -1.
  private var starts: [UInt32] = []
  private var lengths: [Int32] = []
  /// Ids by hash of their text, with open addressing; -1 for an empty slot.
  private var slots: [TokenID] = []
  private(set) var count = 0

  /// Vocabularies beyond this size are mistakes.
  static let maximumID = 16_000_000

  init(expectedCount: Int = 1024) {
    var capacity = 64
    while capacity < expectedCount * 2 { capacity *= 2 }
    slots = [TokenID](repeating: -1, count: capacity)
    bytes.reserveCapacity(expectedCount * 8)
    starts.reserveCapacity(expectedCount)
    lengths.reserveCapacity(expectedCount)
  }

  /// One more than the highest id.
  var endID: Int { starts.count }

  /// Adds a text. False where the id is out of range or has another text already, or the text another id.
  mutating func insert(_ text: Span<UInt8>, id: Int) -> Bool {
    guard id >= 0, id <= Self.maximumID else { return false }
    if id < lengths.count, lengths[id] >= 0 { return self.id(of: text) == TokenID(id) }
    if self.id(of: text) != nil { return false }
    while starts.count <= id {
      starts.append(0)
      lengths.append(-1)
    }
    starts[id] = UInt32(bytes.count)
    lengths[id] = Int32(text.count)
    for index in text.indices { bytes.append(text[index]) }
    count += 1
    if count * 2 > slots.count { grow() }
    place(TokenID(id), hash: Self.hash(text))
    return true
  }

  /// The id of a text, or nil where the vocabulary does not have it.
  func id(of text: Span<UInt8>) -> TokenID? {
    var slot = Int(truncatingIfNeeded: Self.hash(text)) & (slots.count - 1)
    while slots[slot] >= 0 {
      let candidate = Int(slots[slot])
      if lengths[candidate] == text.count, equals(candidate, text) { return TokenID(candidate) }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  /// The id of a text, or nil where the vocabulary does not have it.
  func id(of text: String) -> TokenID? { id(of: Array(text.utf8).span) }

  /// The text of an id; nil for an id without one.
  func text(of id: TokenID) -> ArraySlice<UInt8>? {
    let index = Int(id)
    guard lengths.indices.contains(index), lengths[index] >= 0 else { return nil }
    let start = Int(starts[index])
    return bytes[start..<start + Int(lengths[index])]
  }

  private func equals(_ id: Int, _ text: Span<UInt8>) -> Bool {
    let start = Int(starts[id])
    for index in 0..<text.count where bytes[start + index] != text[index] { return false }
    return true
  }

  private mutating func grow() {
    slots = [TokenID](repeating: -1, count: slots.count * 2)
    for id in lengths.indices where lengths[id] >= 0 {
      let start = Int(starts[id])
      place(TokenID(id), hash: Self.hash(bytes.span.extracting(start..<start + Int(lengths[id]))))
    }
  }

  private mutating func place(_ id: TokenID, hash: UInt64) {
    var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[slot] >= 0, slots[slot] != id { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = id
  }

  static func hash(_ text: Span<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for index in 0..<text.count { hash = (hash ^ UInt64(text[index])) &* 0x0000_0100_0000_01B3 }
    hash ^= hash >> 32
    return hash &* 0x9E37_79B9_7F4A_7C15 >> 16
  }
}
