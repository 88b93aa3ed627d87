/// A JSON value with integers kept exact.
enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  /// A number written without fraction and exponent that fits in 64 bits.
  case integer(Int)
  /// Any other number; infinite or NaN only where the document spells `Infinity` or `NaN`.
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  /// The value in a few words, for the "found" part of an error.
  var summary: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string(let value): "the string " + LoadError.quoted(value)
    case .array(let values): "an array of \(values.count)"
    case .object: "an object"
    }
  }
}
