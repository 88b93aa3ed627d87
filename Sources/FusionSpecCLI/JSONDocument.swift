import ChatTemplates

/// A JSON value to print, with nulls where the contract has them.
enum JSONDocument: ExpressibleByStringLiteral, ExpressibleByDictionaryLiteral,
  ExpressibleByNilLiteral
{
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONDocument])
  case integers([Int32])
  /// An object. Members are sorted when they are printed, so a dictionary would only cost time; keys differ.
  case members([(key: String, value: JSONDocument)])

  init(stringLiteral value: String) { self = .string(value) }
  init(nilLiteral: ()) { self = .null }
  init(dictionaryLiteral elements: (String, JSONDocument)...) {
    self = .members(elements.map { (key: $0, value: $1) })
  }

  init(_ value: Int?) { self = value.map { .integer($0) } ?? .null }
  init(_ value: String?) { self = value.map { .string($0) } ?? .null }
  /// Rounded to six significant places after the point; infinite and NaN values become null, as JSON has no word for them.
  init(_ value: Double?) {
    self = value.flatMap { $0.isFinite ? .number(($0 * 1e6).rounded() / 1e6) : nil } ?? .null
  }
  init(_ values: [Int32]) { self = .integers(values) }
  init(_ values: some Sequence<Int>) { self = .array(values.map { .integer($0) }) }

  /// An object with these members.
  static func object(_ members: [String: JSONDocument]) -> JSONDocument {
    .members(members.map { (key: $0.key, value: $0.value) })
  }

  /// A value that a chat template takes.
  init(_ value: TemplateValue) {
    switch value {
    case .null: self = .null
    case .bool(let truth): self = .bool(truth)
    case .int(let number): self = .integer(number)
    case .float(let number): self = JSONDocument(number)
    case .string(let text): self = .string(text)
    case .list(let elements): self = .array(elements.map { JSONDocument($0) })
    case .dictionary(let entries):
      self = .object(Dictionary(entries.map { ($0.key, JSONDocument($0.value)) }) { first, _ in first })
    }
  }

  /// The document on one line, keys sorted. Written out here because it is done between the steps of other sequences: the
  /// general encoder takes a millisecond for a reply.
  func line() -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(4096)
    write(to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  private func write(to bytes: inout [UInt8]) {
    switch self {
    case .null: bytes += "null".utf8
    case .bool(let value): bytes += (value ? "true" : "false").utf8
    case .integer(let value): bytes += String(value).utf8
    case .number(let value):
      bytes += value.description.utf8
      if bytes.suffix(2).elementsEqual(".0".utf8) { bytes.removeLast(2) }
    case .string(let value): Self.write(value, to: &bytes)
    case .array(let values):
      bytes += "[".utf8
      for (place, value) in values.enumerated() {
        if place > 0 { bytes += ",".utf8 }
        value.write(to: &bytes)
      }
      bytes += "]".utf8
    case .integers(let values):
      bytes.append(UInt8(ascii: "["))
      for (place, value) in values.enumerated() {
        if place > 0 { bytes.append(UInt8(ascii: ",")) }
        Self.write(value, to: &bytes)
      }
      bytes.append(UInt8(ascii: "]"))
    case .members(let members):
      bytes += "{".utf8
      for (place, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
        if place > 0 { bytes += ",".utf8 }
        Self.write(member.key, to: &bytes)
        bytes += ":".utf8
        member.value.write(to: &bytes)
      }
      bytes += "}".utf8
    }
  }

  private static func write(_ value: Int32, to bytes: inout [UInt8]) {
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    let begin = bytes.count
    var rest = value.magnitude
    repeat {
      bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
      rest /= 10
    } while rest > 0
    bytes[begin...].reverse()
  }

  /// A string in quotes, with the escapes of RFC 8259 where they are required.
  private static func write(_ string: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    if string.utf8.allSatisfy({ $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
      bytes.append(contentsOf: string.utf8)
      bytes.append(UInt8(ascii: "\""))
      return
    }
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""): bytes += "\\\"".utf8
      case UInt8(ascii: "\\"): bytes += "\\\\".utf8
      case 0x0a: bytes += "\\n".utf8
      case 0x0d: bytes += "\\r".utf8
      case 0x09: bytes += "\\t".utf8
      case 0..<0x20: bytes += ("\\u00" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16)).utf8
      default: bytes.append(byte)
      }
    }
    bytes += "\"".utf8
  }
}
