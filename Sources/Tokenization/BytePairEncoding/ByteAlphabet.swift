/// The alphabet in which byte-level vocabularies spell bytes: printable characters stand for themselves, the other
/// bytes for the characters from U+0100 on.
enum ByteAlphabet {
  /// The character for each byte.
  static let scalars: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (0..<256).map { byte in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(UInt8(byte))
      default:
        defer { next += 1 }
        return Unicode.Scalar(next) ?? "?"
      }
    }
  }()

  /// The byte for each character below U+0144, -1 for characters that stand for none.
  private static let bytes: [Int16] = {
    var bytes = [Int16](repeating: -1, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar.value)] = Int16(byte) }
    return bytes
  }()

  /// The UTF-8 code of the character for a byte.
  static func spelling(of byte: UInt8) -> [UInt8] { Array(String(scalars[Int(byte)]).utf8) }

  /// The bytes that a text in this alphabet stands for, or nil where a character does not belong to it.
  static func bytes(of text: ArraySlice<UInt8>) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var position = text.startIndex
    while position < text.endIndex {
      // No character of the alphabet takes more than two bytes.
      let lead = text[position]
      var value = Int(lead)
      position += 1
      if lead >= 0x80 {
        guard lead < 0xE0, position < text.endIndex else { return nil }
        value = (value & 0x1F) << 6 | Int(text[position] & 0x3F)
        position += 1
      }
      guard value < bytes.count, bytes[value] >= 0 else { return nil }
      result.append(UInt8(bytes[value]))
    }
    return result
  }
}
