import ChatTemplates

/// Messages about errors as the terminal shows them.
enum ErrorText {
  private static let quotedLimit = 160

  /// The message with long quotations cut and without control characters, whatever an option or a file says.
  static func shown(_ message: String) -> String {
    message.split(separator: "\n", omittingEmptySubsequences: false)
      .map { ForeignText.shown(cut(Substring($0)), limit: 4000) }.joined(separator: "\n")
  }

  /// Cuts what stands in quotes, which begin behind a blank, a bracket or nothing, and end with the same quote.
  private static func cut(_ line: Substring) -> String {
    var result = ""
    var rest = line
    var previous: Character = " "
    while let next = rest.popFirst() {
      result.append(next)
      let opens = (next == "'" || next == "\"") && (previous.isWhitespace || previous == "(")
      previous = next
      guard opens, let end = rest.firstIndex(of: next) else { continue }
      let quoted = rest[..<end]
      let isLong = quoted.unicodeScalars.count > quotedLimit
      result += isLong ? String(quoted.prefix(120)) + "…" : String(quoted)
      result.append(next)
      rest = rest[rest.index(after: end)...]
    }
    return result
  }
}
