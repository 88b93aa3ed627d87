/// A text being edited, by characters as people see them: a letter with its accents is one, a Chinese character is one.
struct EditBuffer {
  private(set) var characters: [Character] = []
  /// Characters before the cursor.
  private(set) var cursor = 0
  /// Longest text, in characters.
  static let limit = 1 << 20

  /// The text.
  var text: String { String(characters) }
  var isEmpty: Bool { characters.isEmpty }

  /// Replaces the text; the cursor goes to its end.
  mutating func set(_ text: String) {
    characters = Array(text.prefix(Self.limit))
    cursor = characters.count
  }

  /// Inserts text at the cursor. An accent joins the letter before it.
  mutating func insert(_ text: String) {
    guard characters.count + text.count <= Self.limit else { return }
    let before = String(characters[..<cursor]) + text
    characters = Array(before + String(characters[cursor...]))
    cursor = min(before.count, characters.count)
  }

  mutating func backspace() {
    guard cursor > 0 else { return }
    cursor -= 1
    characters.remove(at: cursor)
  }

  mutating func delete() { if cursor < characters.count { characters.remove(at: cursor) } }
  mutating func left() { cursor = max(0, cursor - 1) }
  mutating func right() { cursor = min(characters.count, cursor + 1) }
  /// To the beginning of the line that the cursor is in.
  mutating func home() { cursor = lineStart }
  /// To the end of the line that the cursor is in.
  mutating func end() { cursor = lineEnd }
  mutating func wordLeft() { cursor = wordStart }

  mutating func wordRight() {
    while cursor < characters.count, !isWord(characters[cursor]) { cursor += 1 }
    while cursor < characters.count, isWord(characters[cursor]) { cursor += 1 }
  }

  mutating func deleteWord() { remove(from: wordStart) }
  mutating func deleteToStart() { remove(from: lineStart) }
  mutating func deleteToEnd() { characters.removeSubrange(cursor..<lineEnd) }

  /// Moves to the line above; false where there is none.
  mutating func up() -> Bool {
    let start = lineStart
    guard start > 0 else { return false }
    let column = cursor - start
    cursor = start - 1
    cursor = min(lineStart + column, cursor)
    return true
  }

  /// Moves to the line below; false where there is none.
  mutating func down() -> Bool {
    let end = lineEnd
    guard end < characters.count else { return false }
    let column = cursor - lineStart
    cursor = end + 1
    cursor = min(cursor + column, lineEnd)
    return true
  }

  private mutating func remove(from start: Int) {
    characters.removeSubrange(start..<cursor)
    cursor = start
  }

  private var lineStart: Int { (characters[..<cursor].lastIndex(of: "\n") ?? -1) + 1 }
  private var lineEnd: Int { characters[cursor...].firstIndex(of: "\n") ?? characters.count }

  private var wordStart: Int {
    var place = cursor
    while place > 0, !isWord(characters[place - 1]) { place -= 1 }
    while place > 0, isWord(characters[place - 1]) { place -= 1 }
    return place
  }

  private func isWord(_ character: Character) -> Bool { character.isLetter || character.isNumber }
}
