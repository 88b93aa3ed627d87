import ChatTemplates

/// Messages about errors as the terminal shows them.
enum ErrorText {
  /// The message with long quotations cut and without control characters, whatever an option or a file says.
  static func shown(_ message: String) -> String {
    let cut = message.replacing(/(?<quote>['"])(?<start>[^'"]{120})[^'"]{40,}['"]/) { match in
      "\(match.output.quote)\(match.output.start)…\(match.output.quote)"
    }
    return cut.split(separator: "\n", omittingEmptySubsequences: false)
      .map { ForeignText.shown(String($0), limit: 4000) }.joined(separator: "\n")
  }
}
