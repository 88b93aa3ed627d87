/// Puts messages together from lines: a backslash at the end of a line goes on in the next, and everything between """ and
/// """ is one message as it stands.
struct MessageComposer {
  /// A complete message.
  struct Message: Equatable {
    let text: String
    /// Whether it stood between """, where nothing is a command.
    let isLiteral: Bool
  }

  private static let mark = "\"\"\""
  private var lines: [String] = []
  private var isLiteral = false

  /// Whether a message has been begun.
  var isOpen: Bool { isLiteral || !lines.isEmpty }

  /// Takes a line; returns the message that it completes.
  mutating func add(_ line: String) -> Message? {
    if isLiteral {
      guard let content = beforeMark(line) else {
        lines.append(line)
        return nil
      }
      if !content.isEmpty { lines.append(content) }
      return finish()
    }
    let start = line.drop { $0 == " " || $0 == "\t" }
    if lines.isEmpty, start.hasPrefix(Self.mark) {
      isLiteral = true
      let content = String(start.dropFirst(Self.mark.count))
      if let inner = beforeMark(content) {
        lines = [inner]
        return finish()
      }
      if !content.isEmpty { lines = [content] }
      return nil
    }
    if line.hasSuffix("\\") {
      lines.append(String(line.dropLast()))
      return nil
    }
    lines.append(line)
    return finish()
  }

  /// Ends a message that was begun, if there is one.
  mutating func finish() -> Message? {
    guard isOpen else { return nil }
    defer { self = MessageComposer() }
    return Message(text: lines.joined(separator: "\n"), isLiteral: isLiteral)
  }

  private func beforeMark(_ line: String) -> String? {
    let end = line.reversed().drop { $0 == " " || $0 == "\t" || $0 == "\r" }
    guard end.starts(with: Self.mark) else { return nil }
    return String(String(end.dropFirst(Self.mark.count)).reversed())
  }
}
