/// How a prompt and a text lie on a terminal: rows broken by hand, so that it does not matter how a terminal breaks them.
struct ScreenLayout: Equatable {
  /// What is written in each row.
  private(set) var rows: [String] = [""]
  /// Where the cursor stands.
  private(set) var cursorRow = 0
  private(set) var cursorColumn = 0

  /// Lays out a text.
  ///
  /// - Parameters:
  ///   - prompt: What stands in front of the first line.
  ///   - continuation: What stands in front of each further line of the text.
  ///   - cursor: Characters before the cursor.
  init(prompt: String, continuation: String, characters: [Character], cursor: Int, columns: Int) {
    let columns = max(columns, 8)
    var column = 0
    func write(_ text: String, width: Int) {
      if column + width > columns { wrap() }
      rows[rows.count - 1] += text
      column += width
    }
    func wrap() {
      rows.append("")
      column = 0
    }
    for character in prompt { write(String(character), width: DisplayWidth.of(character)) }
    for (place, character) in characters.enumerated() {
      if place == cursor { mark(column, width: character == "\n" ? 1 : DisplayWidth.of(character), columns) }
      if character == "\n" {
        wrap()
        write(continuation, width: DisplayWidth.of(continuation))
      } else {
        write(DisplayWidth.printable(character), width: DisplayWidth.of(character))
      }
    }
    if cursor >= characters.count {
      mark(column, width: 1, columns)
      if cursorRow == rows.count { rows.append("") }
    }
  }

  /// The cursor stands where a character of this width would be written.
  private mutating func mark(_ column: Int, width: Int, _ columns: Int) {
    let wraps = column + width > columns
    cursorRow = rows.count - 1 + (wraps ? 1 : 0)
    cursorColumn = wraps ? 0 : column
  }
}
