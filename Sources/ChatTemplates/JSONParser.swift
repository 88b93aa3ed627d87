extension TemplateValue {
  /// Parses a JSON document, keeping the order of keys and telling whole numbers from fractions.
  ///
  /// Like Python's parser it accepts `NaN`, `Infinity` and `-Infinity`.
  ///
  /// - Parameter json: The document as UTF-8.
  public init(parsingJSON json: [UInt8]) throws(JSONError) {
    var parser = JSONParser(json)
    self = try parser.document()
  }

  /// Parses a JSON document, keeping the order of keys and telling whole numbers from fractions.
  public init(parsingJSON json: String) throws(JSONError) {
    try self.init(parsingJSON: Array(json.utf8))
  }
}

/// Why a JSON document cannot be parsed.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is wrong.
  public let reason: String
  /// Where, in bytes from the beginning.
  public let offset: Int

  /// What is wrong and where.
  public var description: String { "invalid JSON at byte \(offset): \(reason)" }
}

/// A recursive-descent parser over the bytes of a document.
struct JSONParser {
  private let bytes: [UInt8]
  private var position = 0
  private var depth = 0
  private static let maximumDepth = 200

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func document() throws(JSONError) -> TemplateValue {
    // A byte-order mark is no part of the document.
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    let result = try value()
    skipSpace()
    if position < bytes.count { throw error("more text after the document") }
    return result
  }

  private func error(_ reason: String) -> JSONError { JSONError(reason: reason, offset: position) }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  private mutating func value() throws(JSONError) -> TemplateValue {
    skipSpace()
    guard position < bytes.count else { throw error("the document ends too early") }
    switch bytes[position] {
    case UInt8(ascii: "{"): return try dictionary()
    case UInt8(ascii: "["): return try list()
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "N"): return try word("NaN", .float(.nan))
    case UInt8(ascii: "I"): return try word("Infinity", .float(.infinity))
    default: return try number()
    }
  }

  private mutating func word(_ text: String, _ meaning: TemplateValue) throws(JSONError) -> TemplateValue {
    guard bytes[position...].starts(with: text.utf8) else { throw error("unknown word") }
    position += text.utf8.count
    return meaning
  }

  private mutating func enter() throws(JSONError) {
    depth += 1
    if depth > Self.maximumDepth { throw error("nested deeper than \(Self.maximumDepth)") }
    position += 1
    skipSpace()
  }

  /// Passes a comma (true) or the closing character (false).
  private mutating func continues(until closing: UInt8) throws(JSONError) -> Bool {
    skipSpace()
    guard position < bytes.count else { throw error("the document ends too early") }
    let found = bytes[position]
    guard found == closing || found == UInt8(ascii: ",") else { throw error("expected a comma") }
    position += 1
    if found == closing { depth -= 1 }
    return found != closing
  }

  private mutating func list() throws(JSONError) -> TemplateValue {
    try enter()
    if position < bytes.count, bytes[position] == UInt8(ascii: "]") {
      position += 1
      depth -= 1
      return .list([])
    }
    var elements: [TemplateValue] = []
    repeat { elements.append(try value()) } while try continues(until: UInt8(ascii: "]"))
    return .list(elements)
  }

  private mutating func dictionary() throws(JSONError) -> TemplateValue {
    try enter()
    var entries = TemplateDictionary()
    if position < bytes.count, bytes[position] == UInt8(ascii: "}") {
      position += 1
      depth -= 1
      return .dictionary(entries)
    }
    repeat {
      skipSpace()
      guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
        throw error("expected a key")
      }
      let key = try string()
      skipSpace()
      guard position < bytes.count, bytes[position] == UInt8(ascii: ":") else {
        throw error("expected a colon")
      }
      position += 1
      entries[key] = try value()
    } while try continues(until: UInt8(ascii: "}"))
    return .dictionary(entries)
  }

  private mutating func number() throws(JSONError) -> TemplateValue {
    if bytes[position...].starts(with: "-Infinity".utf8) { return try word("-Infinity", .float(-.infinity)) }
    let start = position
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."),
        UInt8(ascii: "e"), UInt8(ascii: "E"):
        position += 1
        continue
      default: break
      }
      break
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    guard let first = text.utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: ".") else {
      throw error("expected a value")
    }
    if let whole = Int(text) { return .int(whole) }
    guard let fraction = Double(text) else { throw error("\"\(text)\" is not a number") }
    return .float(fraction)
  }

  /// Reads a string; `position` is at its opening quote.
  private mutating func string() throws(JSONError) -> String {
    position += 1
    let start = position
    while position < bytes.count, bytes[position] != UInt8(ascii: "\""), bytes[position] != UInt8(ascii: "\\")
    {
      position += 1
    }
    if position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
      defer { position += 1 }
      return try checked(bytes[start..<position])
    }
    var text = Array(bytes[start..<position])
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return try checked(text[...])
      case UInt8(ascii: "\\"): try escape(into: &text)
      default: text.append(byte)
      }
    }
    throw error("a string does not end")
  }

  private func checked(_ utf8: ArraySlice<UInt8>) throws(JSONError) -> String {
    guard let text = String(validating: utf8, as: UTF8.self) else { throw error("a string is not UTF-8") }
    return text
  }

  private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
    guard position < bytes.count else { throw error("a string does not end") }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var code = try hexadecimal()
      if (0xD800..<0xDC00).contains(code), bytes[position...].starts(with: "\\u".utf8) {
        let mark = position
        position += 2
        let low = try hexadecimal()
        if (0xDC00..<0xE000).contains(low) {
          code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        } else {
          position = mark
        }
      }
      // Half of a surrogate pair is no character.
      let scalar = Unicode.Scalar(code) ?? "\u{FFFD}"
      text.append(contentsOf: Array(String(scalar).utf8))
    default: throw error("unknown escape")
    }
  }

  private mutating func hexadecimal() throws(JSONError) -> UInt32 {
    guard position + 4 <= bytes.count,
      let code = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
    else { throw error("expected four hexadecimal digits") }
    position += 4
    return code
  }
}
