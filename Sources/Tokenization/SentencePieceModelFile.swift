/// What a serialized SentencePiece model says, read without the library.
///
/// The library does not tell user-defined pieces from ordinary ones, and prints or ends the process for some kinds of
/// damage; this reader knows the few fields that matter and checks everything it passes on.
struct SentencePieceModelFile: Sendable {
  /// The kinds of piece, with the numbers that model files use.
  enum PieceType: UInt8, Sendable {
    case normal = 1
    case unknown = 2
    case control = 3
    case userDefined = 4
    case unused = 5
    case byte = 6
  }

  struct Piece: Sendable {
    var text: String
    var type: PieceType
  }

  private(set) var serialized: [UInt8]
  private(set) var pieces: [Piece] = []
  private(set) var unknownSurface = " \u{2047} "
  private(set) var addsDummyPrefix = true
  private(set) var removesExtraWhitespace = true
  private(set) var denormalizes = false

  /// Reads a model.
  ///
  /// - Throws: `TokenizerError.malformed` for anything that is not a whole, consistent model.
  init(_ bytes: [UInt8], file: String) throws(TokenizerError) {
    serialized = bytes
    do {
      try readModel()
    } catch {
      throw .malformed(file: file, reason: "not a SentencePiece model: \(error.reason)")
    }
  }

  /// The same model with some pieces turned into control pieces, which encoding never produces.
  ///
  /// Of a field that comes twice the last one counts, so another type is simply put behind each of the pieces.
  func hidingPieces(_ ids: Set<Int>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(serialized.count + 2 * ids.count)
    var reader = WireReader(serialized[...])
    var id = 0
    var start = reader.position
    while let field = try? reader.next() {
      if field.number == 1, case .bytes(let message) = field.value {
        if ids.contains(id) {
          result +=
            [0x0A] + Self.variableLength(message.count + 2) + message + [0x18, PieceType.control.rawValue]
          start = reader.position
        }
        id += 1
      }
      result += serialized[start..<reader.position]
      start = reader.position
    }
    return result
  }

  private static func variableLength(_ number: Int) -> [UInt8] {
    var rest = number
    var bytes: [UInt8] = []
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  /// The same model without the space that is added in front of text.
  ///
  /// A message field that comes twice is merged by the rules of the format, so the setting is simply appended.
  static func withoutDummyPrefix(_ serialized: [UInt8]) -> [UInt8] { serialized + [0x1A, 0x02, 0x18, 0x00] }

  // MARK: - Reading

  private mutating func readModel() throws(WireError) {
    var reader = WireReader(serialized[...])
    while let field = try reader.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let message)): try readPiece(message)
      case (2, .bytes(let message)): try readTrainerSettings(message)
      case (3, .bytes(let message)): try readNormalizerSettings(message)
      case (5, .bytes(let message)): try readDenormalizerSettings(message)
      default: continue
      }
    }
    if pieces.isEmpty { throw WireError("it has no pieces") }
    var seen = Set<String>(minimumCapacity: pieces.count)
    for (id, piece) in pieces.enumerated() {
      if piece.text.isEmpty { throw WireError("piece \(id) is empty") }
      if piece.text.utf8.contains(0) { throw WireError("piece \(id) holds a NUL byte") }
      if !seen.insert(piece.text).inserted { throw WireError("piece \"\(piece.text)\" stands there twice") }
      if piece.type == .byte, Self.byteValue(of: piece.text) == nil {
        throw WireError("byte piece \(id) is not of the form <0xAB>")
      }
    }
    let unknownCount = pieces.count { $0.type == .unknown }
    if unknownCount != 1 { throw WireError("it has \(unknownCount) unknown pieces instead of one") }
  }

  private mutating func readPiece(_ message: ArraySlice<UInt8>) throws(WireError) {
    var piece = Piece(text: "", type: .normal)
    var reader = WireReader(message)
    while let field = try reader.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let bytes)):
        guard let text = String(validating: bytes, as: UTF8.self) else {
          throw WireError("piece \(pieces.count) is not UTF-8")
        }
        piece.text = text
      case (3, .integer(let value)):
        guard let type = UInt8(exactly: value).flatMap(PieceType.init(rawValue:)) else {
          throw WireError("piece \(pieces.count) has the unknown type \(value)")
        }
        piece.type = type
      default: continue
      }
    }
    pieces.append(piece)
  }

  private mutating func readTrainerSettings(_ message: ArraySlice<UInt8>) throws(WireError) {
    var reader = WireReader(message)
    while let field = try reader.next() {
      guard field.number == 44, case .bytes(let bytes) = field.value else { continue }
      unknownSurface = String(decoding: bytes, as: UTF8.self)
    }
  }

  private mutating func readNormalizerSettings(_ message: ArraySlice<UInt8>) throws(WireError) {
    var reader = WireReader(message)
    while let field = try reader.next() {
      switch (field.number, field.value) {
      case (3, .integer(let value)): addsDummyPrefix = value != 0
      case (4, .integer(let value)): removesExtraWhitespace = value != 0
      default: continue
      }
    }
  }

  private mutating func readDenormalizerSettings(_ message: ArraySlice<UInt8>) throws(WireError) {
    var reader = WireReader(message)
    while let field = try reader.next() {
      guard field.number == 2, case .bytes(let rules) = field.value else { continue }
      denormalizes = !rules.isEmpty
    }
  }

  /// The byte that a piece like `<0x0A>` stands for.
  static func byteValue(of text: String) -> UInt8? {
    let characters = Array(text.utf8)
    guard characters.count == 6, text.hasPrefix("<0x"), text.hasSuffix(">") else { return nil }
    return UInt8(text.dropFirst(3).dropLast(), radix: 16)
  }
}
