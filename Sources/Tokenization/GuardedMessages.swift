import ChatTemplates

/// A conversation with marks inside everything that people wrote and that reads like a special token.
struct GuardedMessages {
  let messages: [TemplateValue]
  /// The mark; nil where nothing had to be marked.
  let mark: LiteralMark?

  init(_ messages: [TemplateValue], tokenizer: any Tokenizer, trustedRoles: Set<String>) {
    func isTrusted(_ message: TemplateValue) -> Bool {
      message["role"]?.string.map(trustedRoles.contains) ?? false
    }
    var texts: [String] = []
    for message in messages { Self.collect(message, into: &texts) }
    guard let mark = LiteralMark(absentFrom: texts) else {
      // Text with every reserved character in it is nothing that needs to be kept as it is.
      let emptied = messages.map { message in
        isTrusted(message) ? message : Self.changed(message) { _ in "" }
      }
      self.messages = emptied
      self.mark = nil
      return
    }
    let marked = messages.map { message in
      isTrusted(message) ? message : Self.changed(message) { tokenizer.marking($0, with: mark) }
    }
    self.messages = marked
    self.mark = marked == messages ? nil : mark
  }

  private static func collect(_ value: TemplateValue, into texts: inout [String]) {
    switch value {
    case .string(let text): texts.append(text)
    case .list(let elements): for element in elements { collect(element, into: &texts) }
    case .dictionary(let entries): for (_, element) in entries { collect(element, into: &texts) }
    default: break
    }
  }

  /// The value with every text in it changed, but for roles and types, by which templates decide.
  private static func changed(_ value: TemplateValue, _ change: (String) -> String) -> TemplateValue {
    switch value {
    case .string(let text): return .string(change(text))
    case .list(let elements): return .list(elements.map { changed($0, change) })
    case .dictionary(let entries):
      var result = TemplateDictionary()
      for (key, element) in entries {
        result[key] = key == "role" || key == "type" ? element : changed(element, change)
      }
      return .dictionary(result)
    default: return value
    }
  }
}
