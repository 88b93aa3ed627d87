/// Decides, for each sequence and step, whether to draft and how deep.
///
/// The throughput of the loop is tokens over time. A draft is worth verifying if the probability that it and all drafts
/// before it are accepted, times the time that a token takes at present, exceeds what its row adds to the forward. The same
/// rule decides whether asking the head once more pays. Everything it uses is measured while running: acceptance by
/// phase, position and the draft's own confidence; the time of a forward by its rows, which includes the distinct
/// experts that further rows touch. Since tokens never depend on drafts, wall-clock times may be used freely.
struct DepthController {
  private(set) var mainCost: CostCurve
  private(set) var headCost: CostCurve
  var acceptance = AcceptanceModel()
  /// Nanoseconds a token takes at present, all sequences together.
  var timePerToken: Double {
    averageStepTokens == 0 ? mainCost.time(1) : averageStepTime / averageStepTokens
  }
  private var averageStepTime = 0.0
  private var averageStepTokens = 0.0

  init(maximumRows: Int) {
    mainCost = CostCurve(maximumRows: maximumRows)
    headCost = CostCurve(maximumRows: maximumRows)
  }

  /// Adds the measured time of a forward of the main model.
  mutating func recordMain(rows: Int, nanoseconds: Double) {
    mainCost.record(rows: rows, nanoseconds: nanoseconds)
  }

  /// Adds the measured time of a pass of the MTP head.
  mutating func recordHead(rows: Int, nanoseconds: Double) {
    headCost.record(rows: rows, nanoseconds: nanoseconds)
  }

  /// Adds a whole step.
  mutating func recordStep(nanoseconds: Double, tokens: Int) {
    guard tokens > 0 else { return }
    let weight = averageStepTokens == 0 ? 1 : 0.05
    averageStepTime +=
      (min(nanoseconds, averageStepTime == 0 ? nanoseconds : 2 * averageStepTime) - averageStepTime) * weight
    averageStepTokens += (Double(tokens) - averageStepTokens) * weight
  }

  /// What a draft that survives with this probability is worth, less the row it adds to a forward of `rows` rows.
  func gain(survival: Double, rows: Int) -> Double { survival * timePerToken - mainCost.marginal(rows: rows) }

  /// What a row of a head pass costs when `rows` sequences share it.
  func headPass(rows: Int) -> Double { headCost.time(max(rows, 1)) / Double(max(rows, 1)) }
}

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
