import ChatTemplates

/// One part of a tokenizer's description: an object with a `type`, read with errors that name it.
struct Component {
  /// What the part is for, such as "pre_tokenizer".
  let role: String
  let file: String
  let type: String
  private let entries: TemplateDictionary

  /// Nil where the description says null.
  init?(_ value: TemplateValue?, role: String, file: String) throws(TokenizerError) {
    guard let value, !value.isNull else { return nil }
    guard let entries = value.dictionary, let type = entries["type"]?.string else {
      throw .malformed(file: file, reason: "\(role): an object with a \"type\" was expected")
    }
    self.role = role
    self.file = file
    self.type = type
    self.entries = entries
  }

  subscript(_ key: String) -> TemplateValue? { entries[key] }

  func flag(_ key: String, default standard: Bool) -> Bool { entries[key]?.bool ?? standard }

  func string(_ key: String) throws(TokenizerError) -> String {
    guard let text = entries[key]?.string else { throw malformed("\"\(key)\" is missing or no text") }
    return text
  }

  /// The parts of a `Sequence`.
  func parts(_ key: String) throws(TokenizerError) -> [Component] {
    guard let list = entries[key]?.list else { throw malformed("\"\(key)\" is missing or no list") }
    if list.count > 64 { throw malformed("\"\(key)\" has more than 64 parts") }
    var parts: [Component] = []
    for entry in list {
      guard let part = try Component(entry, role: role, file: file) else { continue }
      parts.append(part)
    }
    return parts
  }

  /// What a `pattern` says: `{"String": …}` or `{"Regex": …}`.
  func pattern() throws(TokenizerError) -> SplitPattern {
    if let literal = entries["pattern"]?["String"]?.string ?? entries["pattern"]?.string {
      if literal.isEmpty { throw malformed("an empty pattern") }
      return .literal(Array(literal.utf8))
    }
    guard let regex = entries["pattern"]?["Regex"]?.string else { throw malformed("\"pattern\" is missing") }
    do {
      return .regex(try Pattern(regex))
    } catch {
      throw .unsupported(
        file: file, what: "\(role) pattern (\(error.reason))", found: regex,
        supported: ["sets, groups, (?i:…), lookahead, greedy and possessive repetition"])
    }
  }

  /// What stands for a blank in a `Metaspace`.
  func metaspaceMark() throws(TokenizerError) -> [UInt8] {
    let mark = entries["replacement"]?.string ?? "\u{2581}"
    if mark.unicodeScalars.count != 1 { throw malformed("\"replacement\" is not one character") }
    return Array(mark.utf8)
  }

  func malformed(_ reason: String) -> TokenizerError {
    .malformed(file: file, reason: "\(role) \(type): \(reason)")
  }

  func unsupported(_ supported: String...) -> TokenizerError {
    .unsupported(file: file, what: role, found: type, supported: supported)
  }
}

/// What separates pieces of text.
enum SplitPattern: Sendable {
  case literal([UInt8])
  case regex(Pattern)

  /// What a match has at least, in bytes.
  var minimumLength: Int {
    if case .literal(let literal) = self { literal.count } else { 1 }
  }

  /// Matches from left to right, without overlap.
  func matches(in text: [UInt8], range: Range<Int>, _ body: (Range<Int>) -> Void) {
    switch self {
    case .regex(let pattern): pattern.matches(in: text.span, range: range, body)
    case .literal(let literal):
      let search = ByteSearch(literal)
      var position = range.lowerBound
      while let place = search.first(in: text.span, from: position, to: range.upperBound) {
        position = place + literal.count
        body(place..<position)
      }
    }
  }
}
