import ChatTemplates
import Foundation

/// A JSON value to print, with nulls where the contract has them.
enum JSONDocument: Encodable, ExpressibleByStringLiteral, ExpressibleByDictionaryLiteral,
  ExpressibleByNilLiteral
{
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONDocument])
  case object([String: JSONDocument])

  init(stringLiteral value: String) { self = .string(value) }
  init(nilLiteral: ()) { self = .null }
  init(dictionaryLiteral elements: (String, JSONDocument)...) {
    self = .object(Dictionary(elements) { $1 })
  }

  init(_ value: Int?) { self = value.map { .integer($0) } ?? .null }
  init(_ value: String?) { self = value.map { .string($0) } ?? .null }
  /// Rounded to six significant places after the point; infinite and NaN values become null, as JSON has no word for them.
  init(_ value: Double?) {
    self = value.flatMap { $0.isFinite ? .number(($0 * 1e6).rounded() / 1e6) : nil } ?? .null
  }
  init(_ values: [Int32]) { self = .array(values.map { .integer(Int($0)) }) }
  init(_ values: some Sequence<Int>) { self = .array(values.map { .integer($0) }) }

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

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let values): try container.encode(values)
    case .object(let members): try container.encode(members)
    }
  }

  /// The document on one line, keys sorted.
  func line() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }
}
