import Decoding
import Foundation
import FusionSpec
import Testing

@testable import FusionSpecCLI

/// The parts of the line editor, without a terminal.
struct ChatPartsTests {
  private func keys(_ bytes: [UInt8], pieces: Int) -> [Key] {
    var decoder = KeyDecoder()
    var keys: [Key] = []
    for start in stride(from: 0, to: bytes.count, by: pieces) {
      keys += decoder.append(bytes[start..<min(start + pieces, bytes.count)])
    }
    return keys + decoder.finishEscape()
  }

  /// Text that came in pieces is the same as text that came at once.
  private func joined(_ keys: [Key]) -> [Key] {
    keys.reduce(into: []) { result, key in
      if case .text(let more) = key, case .text(let before)? = result.last {
        result[result.count - 1] = .text(before + more)
      } else {
        result.append(key)
      }
    }
  }

  @Test
  func `keys do not depend on how their bytes arrive`() {
    let bytes = Array(
      "a中\u{1B}[A\u{1B}[1;5C\u{1B}[3~é\r\u{1B}[200~x\ry\r\nz\u{1B}[201~\u{3}\u{1B}\r\u{1B}f\u{1B}OH".utf8)
    let expected: [Key] = [
      .text("a中"), .up, .wordRight, .delete, .text("é"), .enter, .text("x"), .lineBreak, .text("y"),
      .lineBreak,
      .text("z"), .interrupt, .lineBreak, .wordRight, .home,
    ]
    for pieces in 1...7 { #expect(joined(keys(bytes, pieces: pieces)) == expected, "\(pieces) at a time") }
  }

  @Test
  func `any bytes are some keys, in any pieces`() {
    var state: UInt64 = 3
    func random(_ bound: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % bound
    }
    let likely: [UInt8] = [0x1B, 0x5B, 0x4F, 0x0D, 0x0A, 0xE4, 0xB8, 0xAD, 0xFF, 0x7E, 0x32, 0x30]
    for _ in 0..<300 {
      let bytes = (0..<60).map { _ in
        random(2) == 0 ? likely[Int(random(UInt64(likely.count)))] : UInt8(random(256))
      }
      let whole = joined(keys(bytes, pieces: bytes.count))
      for pieces in [1, 2, 5] { #expect(joined(keys(bytes, pieces: pieces)) == whole) }
    }
  }

  @Test
  func `Escape alone is told from the beginning of a key`() {
    var decoder = KeyDecoder()
    func append(_ bytes: UInt8...) -> [Key] { decoder.append(bytes) }
    func finish() -> [Key] { decoder.finishEscape() }
    #expect(append(0x1B).isEmpty)
    #expect(decoder.isUndecided)
    #expect(finish() == [.endThinking])
    #expect(append(0x1B).isEmpty)
    #expect(append(0x5B, 0x44) == [.left])
    #expect(!decoder.isUndecided)
    #expect(append(0x14) == [.endThinking])
  }

  @Test
  func `editing goes by characters as people see them`() {
    var buffer = EditBuffer()
    func up() -> Bool { buffer.up() }
    func down() -> Bool { buffer.down() }
    buffer.insert("日本👩‍👩‍👧e")
    buffer.insert("\u{301}")
    #expect(buffer.characters.count == 4)
    buffer.backspace()
    buffer.backspace()
    #expect(buffer.text == "日本")
    buffer.left()
    buffer.insert("中")
    #expect(buffer.text == "日中本")
    #expect(buffer.cursor == 2)
    buffer.set("one two\nthree")
    buffer.home()
    #expect(buffer.cursor == 8)
    #expect(up())
    #expect(!up())
    buffer.deleteToEnd()
    #expect(buffer.text == "\nthree")
    #expect(down())
    #expect(!down())
    buffer.end()
    buffer.deleteWord()
    #expect(buffer.text == "\n")
    buffer.delete()
    buffer.backspace()
    buffer.backspace()
    #expect(buffer.isEmpty)
    buffer.insert(String(repeating: "x", count: EditBuffer.limit + 1))
    #expect(buffer.isEmpty, "too much to hold")
  }

  @Test(arguments: [
    ("a", 1), ("é", 1), ("e\u{301}", 1), ("中", 2), ("ｱ", 1), ("Ａ", 2), ("한", 2), ("👩‍👩‍👧", 2), ("🇩🇪", 2),
    ("❤️", 2), ("\u{7}", 2), ("\u{9B}", 1), ("。", 2), ("—", 1), ("", 0), ("日本x", 5),
  ])
  func `widths are those of a terminal`(text: String, columns: Int) {
    #expect(DisplayWidth.of(text) == columns)
  }

  @Test
  func `nothing in a text moves the cursor`() {
    #expect(DisplayWidth.printable("\u{1B}") == "^[")
    #expect(DisplayWidth.printable("\u{9B}") == "\u{FFFD}")
    #expect(ReplyDisplay.harmless("a\u{1B}[2J\tb\r\nc\u{85}") == "a^[[2J\tb\nc\u{FFFD}")
    #expect(DisplayWidth.prefix(of: "日本語", columns: 5) == "日本")
  }

  private func layout(_ text: String, cursor: Int, columns: Int = 10) -> ScreenLayout {
    ScreenLayout(prompt: "> ", continuation: ". ", characters: Array(text), cursor: cursor, columns: columns)
  }

  @Test
  func `wide characters wrap whole and the cursor follows`() {
    let text = layout("日本語日本", cursor: 4)
    #expect(text.rows == ["> 日本語日", "本"])
    #expect((text.cursorRow, text.cursorColumn) == (1, 0))
    let odd = layout("x日本語日", cursor: 4)
    #expect(odd.rows == ["> x日本語", "日"], "half of a character does not stay behind")
    #expect((odd.cursorRow, odd.cursorColumn) == (1, 0))
    let full = layout("12345678", cursor: 8)
    #expect(full.rows == ["> 12345678", ""])
    #expect((full.cursorRow, full.cursorColumn) == (1, 0))
    let lines = layout("ab\ncd", cursor: 4)
    #expect(lines.rows == ["> ab", ". cd"])
    #expect((lines.cursorRow, lines.cursorColumn) == (1, 3))
    let end = layout("ab\ncd", cursor: 2)
    #expect((end.cursorRow, end.cursorColumn) == (0, 4))
    #expect(layout("", cursor: 0).rows == ["> "])
  }

  @Test
  func `history returns to what was being written`() {
    var history = InputHistory()
    func older(_ current: String) -> String? { history.older(than: current) }
    func newer() -> String? { history.newer() }
    #expect(older("x") == nil)
    history.add("one")
    history.add("two")
    history.add("two")
    #expect(older("draft") == "two")
    #expect(older("two") == "one")
    #expect(older("one") == nil)
    #expect(newer() == "two")
    #expect(newer() == "draft")
    #expect(newer() == nil)
  }

  @Test
  func `messages are put together from lines`() {
    func compose(_ lines: String...) -> [MessageComposer.Message] {
      var composer = MessageComposer()
      return lines.compactMap { composer.add($0) } + [composer.finish()].compactMap { $0 }
    }
    typealias Message = MessageComposer.Message
    #expect(
      compose("a", "b") == [Message(text: "a", isLiteral: false), Message(text: "b", isLiteral: false)])
    #expect(compose("a\\", "b\\", "c") == [Message(text: "a\nb\nc", isLiteral: false)])
    #expect(compose("\"\"\"", "/a", "", "b\"\"\" ") == [Message(text: "/a\n\nb", isLiteral: true)])
    #expect(
      compose("\"\"\"a\"\"\"", "b") == [
        Message(text: "a", isLiteral: true), Message(text: "b", isLiteral: false),
      ])
    #expect(compose("\"\"\"") == [Message(text: "", isLiteral: true)])
    #expect(compose("say \"\"\"") == [Message(text: "say \"\"\"", isLiteral: false)])
  }

  @Test
  func `commands are read`() throws {
    #expect(try ChatCommand("/fast ") == .thinking(.fast))
    #expect(try ChatCommand("/think 7") == .budget(7))
    #expect(try ChatCommand("/think off") == .budget(.some(nil)))
    #expect(try ChatCommand("/think") == .budget(.none))
    #expect(try ChatCommand("/speculation lookup") == .speculation(.lookup(depth: 5)))
    #expect(try ChatCommand("/speculation mtp 8") == .speculation(.mtp(depth: 8)))
    #expect(throws: ChatCommand.Mistake.self) { try ChatCommand("/speculation auto 2") }
    #expect(throws: ChatCommand.Mistake.self) { try ChatCommand("/EXIT") }
  }
}
