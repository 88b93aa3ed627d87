import Foundation

/// Reads messages from a terminal, with editing and history.
final class LineEditor {
  /// What reading ended with.
  enum Outcome: Equatable {
    case line(String)
    case endOfInput
    /// Ctrl-C on an empty line.
    case interrupt
  }

  private var decoder = KeyDecoder()
  private var buffer = EditBuffer()
  private var history = InputHistory()
  private var waiting: [Key] = []
  private var prompt = ""
  /// The row of the cursor among the rows drawn last.
  private var drawnCursorRow = 0
  private let isStyled: Bool
  /// How long an escape byte may wait for the rest of a key.
  private static let escapeMilliseconds: Int32 = 40

  /// Makes an editor; the terminal must be raw already.
  init(isStyled: Bool) { self.isStyled = isStyled }

  /// Adds an entry to the history.
  func remember(_ entry: String) { history.add(entry) }

  /// Takes bytes that came while nothing was being read: text is kept for the next line, the rest is returned.
  func takeAhead(_ bytes: [UInt8]) -> [Key] {
    sort(decoder.append(bytes))
  }

  /// Ends the wait for the rest of an escape sequence; see `takeAhead`.
  func finishEscape() -> [Key] { sort(decoder.finishEscape()) }

  /// Whether `finishEscape` is to be called once the wait is over.
  var isUndecided: Bool { decoder.isUndecided }

  private func sort(_ keys: [Key]) -> [Key] {
    let immediate = keys.filter { [.interrupt, .endThinking, .suspend, .quit].contains($0) }
    waiting += keys.filter { !immediate.contains($0) }
    return immediate
  }

  /// Reads one entry, which has several lines where line breaks were put in.
  func read(prompt: String) -> Outcome {
    self.prompt = prompt
    drawnCursorRow = 0
    buffer = EditBuffer()
    draw()
    var keys = waiting
    waiting = []
    while true {
      for (place, key) in keys.enumerated() {
        if let outcome = press(key) {
          waiting = Array(keys[(place + 1)...])
          return outcome
        }
      }
      if !keys.isEmpty { draw() }
      keys = []
      let events = Notices.wait(
        forInput: true, milliseconds: decoder.isUndecided ? Self.escapeMilliseconds : -1)
      // An escape byte with nothing after it has no meaning in a line.
      if events.isEmpty, decoder.isUndecided { _ = decoder.finishEscape() }
      for event in events {
        switch event {
        case .input(let bytes): keys += decoder.append(bytes)
        case .endOfInput: return leave(.endOfInput)
        case .notice(.interrupt): keys.append(.interrupt)
        case .notice(.suspend): keys.append(.suspend)
        case .notice(.resize): draw()
        case .notice(.resume):
          TerminalMode.leave()
          TerminalMode.enter()
          drawnCursorRow = 0
          draw()
        case .notice(.news): break
        }
      }
    }
  }

  private func press(_ key: Key) -> Outcome? {
    switch key {
    case .text(let text): buffer.insert(text)
    case .lineBreak: buffer.insert("\n")
    case .enter: return leave(.line(buffer.text))
    case .interrupt:
      if buffer.isEmpty { return leave(.interrupt) }
      buffer = EditBuffer()
    case .endOfInput:
      if buffer.isEmpty { return leave(.endOfInput) }
      buffer.delete()
    case .up:
      if !buffer.up(), let entry = history.older(than: buffer.text) { buffer.set(entry) }
    case .down:
      if !buffer.down(), let entry = history.newer() { buffer.set(entry) }
    case .backspace: buffer.backspace()
    case .delete: buffer.delete()
    case .left: buffer.left()
    case .right: buffer.right()
    case .home: buffer.home()
    case .end: buffer.end()
    case .wordLeft: buffer.wordLeft()
    case .wordRight: buffer.wordRight()
    case .deleteWord: buffer.deleteWord()
    case .deleteToStart: buffer.deleteToStart()
    case .deleteToEnd: buffer.deleteToEnd()
    case .clearScreen:
      write("\u{1B}[H\u{1B}[2J")
      drawnCursorRow = 0
    case .suspend:
      write("\r\n")
      TerminalMode.suspend()
      drawnCursorRow = 0
    case .quit:
      TerminalMode.leave()
      raise(SIGQUIT)
    case .endThinking: break
    }
    return nil
  }

  /// Leaves the entry on the screen and goes to the next row.
  private func leave(_ outcome: Outcome) -> Outcome {
    var all = buffer
    all.set(buffer.text)  // the cursor at the end
    buffer = all
    draw()
    write("\r\n")
    return outcome
  }

  private func draw() {
    let size = TerminalMode.size
    let layout = ScreenLayout(
      prompt: prompt, continuation: "… ", characters: buffer.characters, cursor: buffer.cursor,
      columns: size.columns)
    // Rows above the screen cannot be reached again, so a tall text shows the part around the cursor.
    let height = max(1, size.rows - 1)
    let top = max(0, min(layout.cursorRow - height + 1, layout.rows.count - height))
    let first = layout.cursorRow < top ? layout.cursorRow : top
    let visible = layout.rows[first..<min(first + height, layout.rows.count)]
    var text = drawnCursorRow > 0 ? "\u{1B}[\(drawnCursorRow)A\r\u{1B}[J" : "\r\u{1B}[J"
    var shown = visible.joined(separator: "\r\n")
    if isStyled, first == 0, shown.hasPrefix(prompt) {
      shown = "\u{1B}[1m\(prompt)\u{1B}[0m" + shown.dropFirst(prompt.count)
    }
    text += shown
    drawnCursorRow = layout.cursorRow - first
    let below = visible.count - 1 - drawnCursorRow
    if below > 0 { text += "\u{1B}[\(below)A" }
    text += layout.cursorColumn > 0 ? "\r\u{1B}[\(layout.cursorColumn)C" : "\r"
    write(text)
  }

  private func write(_ text: String) { StandardStreams.error(text) }
}
