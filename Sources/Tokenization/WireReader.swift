/// Why a protocol-buffer message cannot be read.
struct WireError: Error {
  let reason: String

  init(_ reason: String) { self.reason = reason }
}

/// Walks over the fields of a serialized protocol-buffer message.
struct WireReader {
  enum Value {
    case integer(UInt64)
    case bytes(ArraySlice<UInt8>)
    /// A fixed-width number, which no caller needs.
    case fixed
  }

  struct Field {
    var number: UInt64
    var value: Value
  }

  private var rest: ArraySlice<UInt8>

  init(_ message: ArraySlice<UInt8>) { rest = message }

  /// Where the next field begins, in the array that the message is a slice of.
  var position: Int { rest.startIndex }

  /// The next field, or nil at the end of the message.
  mutating func next() throws(WireError) -> Field? {
    if rest.isEmpty { return nil }
    let key = try variableLengthInteger()
    let number = key >> 3
    if number == 0 { throw WireError("a field has number 0") }
    switch key & 7 {
    case 0:
      return Field(number: number, value: .integer(try variableLengthInteger()))
    case 1:
      try skip(8)
      return Field(number: number, value: .fixed)
    case 2:
      let length = try variableLengthInteger()
      guard let length = Int(exactly: length) else { throw WireError("it is cut short") }
      let value = rest.prefix(length)
      try skip(length)
      return Field(number: number, value: .bytes(value))
    case 5:
      try skip(4)
      return Field(number: number, value: .fixed)
    case let kind:
      throw WireError("a field has the unknown wire type \(kind)")
    }
  }

  private mutating func skip(_ count: Int) throws(WireError) {
    if count > rest.count { throw WireError("it is cut short") }
    rest = rest.dropFirst(count)
  }

  private mutating func variableLengthInteger() throws(WireError) -> UInt64 {
    var result: UInt64 = 0
    for shift in stride(from: 0, to: 64, by: 7) {
      guard let byte = rest.popFirst() else { throw WireError("it is cut short") }
      result |= UInt64(byte & 0x7F) << UInt64(shift)
      if byte < 0x80 { return result }
    }
    throw WireError("a number has too many bytes")
  }
}
