/// Reads JSON (RFC 8259) from bytes, as a pull parser for large headers and as a tree for small documents.
///
/// Strict where a hostile or damaged file would mislead: nesting is bounded, strings must be UTF-8, repeated keys of a
/// tree, numbers beyond a double's range and anything after the document are errors.
struct JSONReader {
  /// Nesting allowed; deeper documents are refused before they can exhaust the stack.
  static let maximumDepth = 64

  /// The tensor being read, named in errors.
  var tensor: String?

  private let bytes: [UInt8]
  private let file: String
  private let baseOffset: Int
  private let allowsNonFinite: Bool
  private var position = 0

  /// Reads `bytes`, which stand at `baseOffset` in `file`. `allowsNonFinite` takes the `NaN` and `Infinity` that
  /// Python's `json` module writes.
  init(_ bytes: [UInt8], file: String, baseOffset: Int = 0, allowsNonFinite: Bool = false) {
    self.bytes = bytes
    self.file = file
    self.baseOffset = baseOffset
    self.allowsNonFinite = allowsNonFinite
  }

  /// A whole document as a tree.
  static func document(_ bytes: [UInt8], file: String) throws(LoadError) -> JSONValue {
    var reader = JSONReader(bytes, file: file, allowsNonFinite: true)
    let value = try reader.value()
    try reader.end()
    return value
  }

  // MARK: - Pulling

  /// Enters an object or array; `nextKey` or `nextElement` then walk it.
  mutating func begin(_ bracket: Unicode.Scalar) throws(LoadError) {
    guard peek() == UInt8(ascii: bracket) else { throw unexpected("'\(bracket)'") }
    position += 1
  }

  /// The next key of the object entered, its colon consumed; nil after the closing brace. `isFirst` starts as true.
  mutating func nextKey(_ isFirst: inout Bool) throws(LoadError) -> String? {
    guard try advance(&isFirst, closing: "}") else { return nil }
    let key = try string()
    guard peek() == UInt8(ascii: ":") else { throw unexpected("':'") }
    position += 1
    return key
  }

  /// Whether another element of the array entered follows; false after the closing bracket.
  mutating func nextElement(_ isFirst: inout Bool) throws(LoadError) -> Bool {
    try advance(&isFirst, closing: "]")
  }

  private mutating func advance(_ isFirst: inout Bool, closing: Unicode.Scalar) throws(LoadError) -> Bool {
    if peek() == UInt8(ascii: closing) {
      position += 1
      return false
    }
    if !isFirst {
      guard peek() == UInt8(ascii: ",") else { throw unexpected("',' or '\(closing)'") }
      position += 1
    }
    isFirst = false
    return true
  }

  /// Checks that only white space is left.
  mutating func end() throws(LoadError) {
    if peek() != nil { throw unexpected("the end of the document") }
  }

  // MARK: - Values

  /// The next value as a tree.
  mutating func value(depth: Int = 0) throws(LoadError) -> JSONValue {
    guard depth < Self.maximumDepth else { throw malformed("nested deeper than \(Self.maximumDepth) levels") }
    switch peek() {
    case UInt8(ascii: "{"): return .object(try members(depth: depth))
    case UInt8(ascii: "["):
      try begin("[")
      var elements: [JSONValue] = []
      var isFirst = true
      while try nextElement(&isFirst) { elements.append(try value(depth: depth + 1)) }
      return .array(elements)
    case UInt8(ascii: "\""): return .string(try string())
    default:
      if current == UInt8(ascii: "-") || currentDigit() != nil { return try number() }
      if take("true") { return .bool(true) }
      if take("false") { return .bool(false) }
      if take("null") { return .null }
      if allowsNonFinite && take("NaN") { return .number(.nan) }
      if allowsNonFinite && take("Infinity") { return .number(.infinity) }
      throw unexpected("a value")
    }
  }

  private mutating func members(depth: Int) throws(LoadError) -> [String: JSONValue] {
    try begin("{")
    var members: [String: JSONValue] = [:]
    var isFirst = true
    while let key = try nextKey(&isFirst) {
      let value = try value(depth: depth + 1)
      if members.updateValue(value, forKey: key) != nil {
        throw malformed("the key \(LoadError.quoted(key)) stands twice in one object")
      }
    }
    return members
  }

  /// The next value, which must be a number.
  mutating func number() throws(LoadError) -> JSONValue {
    let negative = peek() == UInt8(ascii: "-")
    let start = position
    if negative { position += 1 }
    if negative && allowsNonFinite && take("Infinity") { return .number(-.infinity) }

    let digits = position
    while currentDigit() != nil { position += 1 }
    guard position > digits else { throw unexpected("a number") }
    if position > digits + 1 && bytes[digits] == UInt8(ascii: "0") {
      throw malformed("a number starts with a superfluous 0")
    }
    var isInteger = true
    if current == UInt8(ascii: ".") {
      isInteger = false
      position += 1
      try requireDigits()
    }
    if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
      isInteger = false
      position += 1
      if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
      try requireDigits()
    }
    guard position - start <= 1000 else { throw malformed("a number is too long") }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger, let value = Int(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else { throw malformed("a number is too large") }
    return .number(value)
  }

  private mutating func requireDigits() throws(LoadError) {
    guard currentDigit() != nil else { throw unexpected("a digit") }
    while currentDigit() != nil { position += 1 }
  }

  // MARK: - Bytes

  private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  private func currentDigit() -> UInt8? {
    guard let byte = current, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
    return byte - UInt8(ascii: "0")
  }

  /// The next byte that is not white space, left in place.
  private mutating func peek() -> UInt8? {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x0A, 0x0D, 0x09: position += 1
      default: return bytes[position]
      }
    }
    return nil
  }

  private mutating func take(_ word: StaticString) -> Bool {
    let length = word.utf8CodeUnitCount
    guard bytes.count - position >= length else { return false }
    guard bytes[position..<position + length].elementsEqual("\(word)".utf8) else { return false }
    position += length
    return true
  }

  /// The next value, which must be a string.
  mutating func string() throws(LoadError) -> String {
    guard peek() == UInt8(ascii: "\"") else { throw unexpected("a string") }
    position += 1
    let start = position
    var unescaped: [UInt8]?
    while let byte = current {
      if byte == UInt8(ascii: "\"") {
        let text = unescaped.map { String(validating: $0, as: UTF8.self) }
        guard let text = text ?? String(validating: bytes[start..<position], as: UTF8.self) else {
          throw malformed("a string is not UTF-8")
        }
        position += 1
        return text
      }
      guard byte >= 0x20 else { throw malformed("a string holds a raw control character") }
      if byte == UInt8(ascii: "\\") {
        var buffer = unescaped ?? Array(bytes[start..<position])
        unescaped = nil
        position += 1
        try unescape(into: &buffer)
        unescaped = buffer
      } else {
        unescaped?.append(byte)
        position += 1
      }
    }
    throw malformed("a string does not end")
  }

  private mutating func unescape(into buffer: inout [UInt8]) throws(LoadError) {
    let escape = current
    position += 1
    switch escape {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): buffer.append(escape ?? 0)
    case UInt8(ascii: "b"): buffer.append(0x08)
    case UInt8(ascii: "f"): buffer.append(0x0C)
    case UInt8(ascii: "n"): buffer.append(0x0A)
    case UInt8(ascii: "r"): buffer.append(0x0D)
    case UInt8(ascii: "t"): buffer.append(0x09)
    case UInt8(ascii: "u"):
      var code = try hexadecimal()
      if code >> 10 == 0x36 && take("\\u") {  // a high surrogate: its low half must follow
        let low = try hexadecimal()
        guard low >> 10 == 0x37 else { throw malformed("a string holds half a surrogate pair") }
        code = 0x10000 + (code & 0x3FF) << 10 + low & 0x3FF
      }
      guard let scalar = Unicode.Scalar(code) else { throw malformed("a string holds half a surrogate pair") }
      buffer.append(contentsOf: String(scalar).utf8)
    default: throw malformed("a string holds an unknown escape")
    }
  }

  private mutating func hexadecimal() throws(LoadError) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw malformed("a \\u escape needs four hexadecimal digits")
      }
      code = code << 4 | UInt32(digit)
      position += 1
    }
    return code
  }

  // MARK: - Errors

  private func malformed(_ problem: String, found: String? = nil, accepted: String? = nil) -> LoadError {
    let byte = "byte \(baseOffset + position)"
    let place = tensor.map { "tensor \(LoadError.quoted($0)), \(byte)" } ?? byte
    return LoadError(.malformed, file: file, place: place, problem: problem, found: found, accepted: accepted)
  }

  private func unexpected(_ accepted: String) -> LoadError {
    let found = current.map { byte in
      byte > 0x20 && byte < 0x7F ? "'\(Unicode.Scalar(byte))'" : "the byte 0x" + String(byte, radix: 16)
    }
    return malformed("broken JSON", found: found ?? "the end", accepted: accepted)
  }
}
