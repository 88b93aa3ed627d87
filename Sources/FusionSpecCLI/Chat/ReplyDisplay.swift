import Decoding
import Foundation
import FusionSpec

/// Writes a reply as it comes: thoughts dimmed, the answer after them on a line of its own.
struct ReplyDisplay {
  private let terminal: Terminal
  /// Whether a person reads it on a terminal: nothing in the text may then move the cursor.
  private let isInteractive: Bool
  private var phase = Phase.answer
  private var isAtLineStart = true
  /// The cursor's column, as far as it can be told; only multiples of the width matter.
  private(set) var column = 0

  init(_ terminal: Terminal, isInteractive: Bool) {
    self.terminal = terminal
    self.isInteractive = isInteractive
  }

  /// Writes text of a phase.
  mutating func write(_ text: String, phase: Phase) {
    if phase != self.phase { endLine() }
    self.phase = phase
    let shown = isInteractive ? Self.harmless(text) : text
    put(terminal.styled(shown, phase == .thinking ? .dim : nil), plain: shown)
  }

  /// Ends the line, if one was begun.
  mutating func endLine() {
    if !isAtLineStart { put("\n", plain: "\n") }
  }

  private mutating func put(_ text: String, plain: String) {
    Terminal.output(text)
    for character in plain {
      column = character.isNewline ? 0 : column + DisplayWidth.of(character)
    }
    if let last = plain.last { isAtLineStart = last.isNewline }
  }

  /// The text without control characters but line breaks and tabs.
  static func harmless(_ text: String) -> String {
    String(
      text.map { character -> String in
        character == "\n" || character == "\r\n"
          ? "\n" : character == "\t" ? "\t" : DisplayWidth.printable(character)
      }.joined())
  }
}
