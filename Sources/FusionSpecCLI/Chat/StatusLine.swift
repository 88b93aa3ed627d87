import Decoding
import Foundation

/// The line below a reply that is being written: what it has taken so far.
struct StatusLine {
  private let isStyled: Bool
  /// What stands there; nil for nothing.
  private var shown: String?

  init(isStyled: Bool) { self.isStyled = isStyled }

  /// The text, at most so many columns wide.
  static func text(_ progress: GenerationProgress, columns: Int) -> String {
    var parts = progress.phase == .thinking ? ["thinking (Esc: answer now)"] : []
    if progress.tokenCount == 0 {
      let cached = progress.cachedTokenCount
      parts.append(
        "reading \(progress.promptTokenCount - cached) tokens" + (cached > 0 ? ", \(cached) kept" : ""))
    } else {
      parts.append("\(progress.tokenCount) tokens")
      if progress.thinkingTokenCount > 0 { parts.append("\(progress.thinkingTokenCount) of thought") }
      parts.append(String(format: "%.0f tok/s", progress.tokensPerSecond))
      let counters = progress.speculation
      if counters.draftCount > 0 {
        parts.append(String(format: "%.0f %% accepted", 100 * counters.acceptanceRate))
        parts.append(
          String(format: "depth %.1f", Double(counters.draftTokenCount) / Double(counters.draftCount)))
      }
    }
    return DisplayWidth.prefix(of: parts.joined(separator: " · "), columns: columns)
  }

  /// Shows the line in the row below the cursor, which stays where it is.
  mutating func show(_ progress: GenerationProgress) {
    let text = Self.text(progress, columns: TerminalMode.size.columns - 1)
    if text == shown { return }
    let styled = isStyled ? "\u{1B}[2m\(text)\u{1B}[0m" : text
    // Down and up again makes room at the bottom of the screen before the cursor's place is saved.
    write("\u{1B}D\u{1B}[A\u{1B}7\u{1B}[B\r\u{1B}[2K\(styled)\u{1B}8")
    shown = text
  }

  /// Takes the line away.
  mutating func hide() {
    if shown == nil { return }
    write("\u{1B}7\u{1B}[B\r\u{1B}[2K\u{1B}8")
    shown = nil
  }

  private func write(_ text: String) { StandardStreams.error(text) }
}
