import Foundation
import FusionSpec
import Synchronization

/// A line on the terminal that says how far a large model has been loaded; a model that loads at once shows none.
enum LoadingBar {
  /// What the loader is to call; nil where nobody watches.
  static func onTerminal() -> (@Sendable (Double) -> Void)? {
    guard isatty(2) == 1 else { return nil }
    let state = Mutex(State(start: .now))
    return { share in state.withLock { $0.update(share) } }
  }

  private struct State {
    let start: ContinuousClock.Instant
    var shown: ContinuousClock.Instant?

    mutating func update(_ share: Double) {
      let now = ContinuousClock.now
      if share >= 1 {
        if shown != nil { write("\r\u{1B}[K") }
        shown = nil
        return
      }
      if now - start < .milliseconds(500) || shown.map({ now - $0 < .milliseconds(100) }) == true { return }
      shown = now
      let width = 30
      let filled = Int(Double(width) * share)
      let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
      let left = (now - start).milliseconds / 1000 * (1 - share) / max(share, 1e-3)
      write("\rloading weights \(bar) \(String(format: "%3.0f%% · %.0f s left", 100 * share, left))\u{1B}[K")
    }

    private func write(_ text: String) { StandardStreams.error(text) }
  }
}
