/// What to measure.
public struct BenchmarkOptions: Sendable, Equatable {
  /// Lengths of prompts to prefill.
  public var prompts: [Int]
  /// Tokens to decode at each depth.
  public var generatedTokens: Int
  /// Numbers of rows of verifying forwards, ascending; costs are relative to one row, which is always measured.
  public var rows: [Int]
  /// Positions that precede the decoded tokens; verification is measured at the first of them.
  public var depths: [Int]
  /// Timed rounds; medians count.
  public var repetitions: Int

  /// Makes options; all lists must have an element.
  public init(prompts: [Int], generatedTokens: Int, rows: [Int], depths: [Int], repetitions: Int) {
    precondition(!prompts.isEmpty && !rows.isEmpty && !depths.isEmpty, "nothing to measure")
    self.prompts = prompts
    self.generatedTokens = generatedTokens
    self.rows = rows
    self.depths = depths
    self.repetitions = repetitions
  }

  /// Positions that the largest measurement needs.
  public var positions: Int {
    max(
      prompts.max() ?? 0, (depths.max() ?? 0) + generatedTokens, (depths.first ?? 0) + (rows.max() ?? 0))
  }
}
