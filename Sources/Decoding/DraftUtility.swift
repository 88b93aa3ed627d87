/// Whether drafting with the head has paid lately, for one phase of one sequence.
struct DraftUtility {
  private var average = 0.0
  private var attempts = 0
  private var pause = 0
  private var nextPause = 8
  private static let trial = 3
  private static let longestPause = 128

  /// Whether to draft in this step. While drafting does not pay, a probe now and then finds out when it does again.
  mutating func wantsDraft() -> Bool {
    if attempts < Self.trial || average > 0 { return true }
    if pause > 0 {
      pause -= 1
      return false
    }
    return true
  }

  /// Whether drafting is paused.
  var isPaused: Bool { attempts >= Self.trial && average <= 0 }

  /// Adds the net value of one round of drafting, in nanoseconds saved.
  mutating func record(_ value: Double) {
    let wasPaused = isPaused
    attempts += 1
    average += (value - average) * (attempts == 1 ? 1 : wasPaused ? 0.5 : 0.1)
    guard isPaused else {
      nextPause = 8
      return
    }
    if wasPaused { nextPause = min(2 * nextPause, Self.longestPause) }
    pause = nextPause
  }
}
