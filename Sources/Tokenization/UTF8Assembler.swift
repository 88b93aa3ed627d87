/// Puts characters together from bytes that arrive in parts.
///
/// At most three bytes, the beginning of one character, are held back. The text of all calls put together is the
/// same however the bytes were divided.
struct UTF8Assembler: Sendable {
  private let rule: InvalidByteRule
  private var pending: [UInt8] = []

  init(rule: InvalidByteRule) {
    self.rule = rule
  }

  /// Whether the beginning of a character is waiting for its other bytes.
  var isHoldingBytes: Bool { !pending.isEmpty }

  /// Takes more bytes and returns the text that is now certain.
  mutating func append(_ bytes: some Collection<UInt8>) -> String {
    if bytes.isEmpty { return "" }
    // Most pieces are whole characters of one byte.
    if pending.isEmpty, bytes.allSatisfy({ $0 < 0x80 }) { return String(decoding: bytes, as: UTF8.self) }
    let input = pending + bytes
    pending = []
    var output: [UInt8] = []
    output.reserveCapacity(input.count)
    var position = 0
    while position < input.count {
      switch UTF8Scan(input[position...]) {
      case .character(let length):
        output.append(contentsOf: input[position..<position + length])
        position += length
      case .invalid(let length):
        appendReplacement(for: length, to: &output)
        position += length
      case .incomplete:
        pending = Array(input[position...])
        position = input.count
      }
    }
    return String(decoding: output, as: UTF8.self)
  }

  /// Ends the text: what is still held back can no longer become a character.
  mutating func finish() -> String {
    var output: [UInt8] = []
    if !pending.isEmpty { appendReplacement(for: pending.count, to: &output) }
    pending = []
    return String(decoding: output, as: UTF8.self)
  }

  private func appendReplacement(for length: Int, to output: inout [UInt8]) {
    let count = rule == .replaceEachByte ? length : 1
    for _ in 0..<count { output.append(contentsOf: [0xEF, 0xBF, 0xBD]) }
  }
}

/// What stands at the beginning of a run of bytes.
enum UTF8Scan: Equatable {
  /// A whole character of this many bytes.
  case character(length: Int)
  /// Bytes that begin no character, whatever follows.
  case invalid(length: Int)
  /// All bytes that there are, the beginning of a character.
  case incomplete

  /// Looks at the first bytes of `bytes`, which must not be empty (an empty run counts as incomplete).
  init(_ bytes: ArraySlice<UInt8>) {
    guard let lead = bytes.first else {
      self = .incomplete
      return
    }
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch lead {
    case 0x00...0x7F: length = 1
    case 0xC2...0xDF: length = 2
    case 0xE0...0xEF:
      length = 3
      if lead == 0xE0 { second = 0xA0...0xBF }
      if lead == 0xED { second = 0x80...0x9F }
    case 0xF0...0xF4:
      length = 4
      if lead == 0xF0 { second = 0x90...0xBF }
      if lead == 0xF4 { second = 0x80...0x8F }
    default:
      self = .invalid(length: 1)
      return
    }
    for (offset, byte) in bytes.dropFirst().prefix(length - 1).enumerated() {
      let allowed = offset == 0 ? second : 0x80...0xBF
      if !allowed.contains(byte) {
        self = .invalid(length: offset + 1)
        return
      }
    }
    self = bytes.count < length ? .incomplete : .character(length: length)
  }
}
