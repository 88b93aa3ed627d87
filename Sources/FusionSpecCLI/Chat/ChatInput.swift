import FusionSpec

/// Reads messages, put together from lines where they have several.
final class ChatInput {
  /// What a person wants.
  enum Request: Equatable {
    case message(String)
    /// A line that begins with "/".
    case command(String)
    case endOfInput
    /// Ctrl-C while nothing was being answered.
    case interrupt
  }

  /// The editor, where stdin is a terminal.
  let editor: LineEditor?
  private var pipe = PipeReader()
  private var composer = MessageComposer()

  init(editor: LineEditor?) { self.editor = editor }

  /// Reads the next message or command.
  func read() -> Request {
    while true {
      switch entry() {
      case .line(let line):
        guard let message = composer.add(line) else { continue }
        if let request = request(message) { return request }
      case .tooLong: Terminal.error("a line of more than \(PipeReader.limit) bytes was passed over")
      case .endOfInput:
        // What was begun is still said; the end is found again after it.
        if let message = composer.finish(), let request = request(message) { return request }
        return .endOfInput
      case .interrupt:
        let wasOpen = composer.isOpen
        composer = MessageComposer()
        if !wasOpen || editor == nil { return .interrupt }
      }
    }
  }

  private func entry() -> PipeReader.Outcome {
    guard let editor else { return pipe.read() }
    switch editor.read(prompt: composer.isOpen ? "… " : "› ") {
    case .line(let line): return .line(line)
    case .endOfInput: return .endOfInput
    case .interrupt: return .interrupt
    }
  }

  private func request(_ message: MessageComposer.Message) -> Request? {
    let text = message.text
    guard text.contains(where: { !$0.isWhitespace }) else { return nil }
    editor?.remember(text)
    return !message.isLiteral && text.hasPrefix("/") ? .command(text) : .message(text)
  }
}
