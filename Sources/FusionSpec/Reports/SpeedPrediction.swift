public import Decoding

/// What a depth should be worth by the measured acceptance and the measured costs.
///
/// With survival c_i of draft i and E(K) = 1 + c_1 + ... + c_K tokens a round, a round of K drafts takes
/// T(B (K + 1)) + K T_draft for B sequences, and plain decoding takes T(B) for one token each.
public struct SpeedPrediction: Sendable, Equatable {
  /// Number of drafts.
  public let depth: Int
  /// Tokens of a round and sequence.
  public let tokensPerRound: Double
  /// Milliseconds of a round, forwards only.
  public let roundMilliseconds: Double
  /// Speed relative to plain decoding.
  public let speedup: Double

  /// Predicts one depth; nil where acceptance or costs do not reach that far.
  public init?(depth: Int, acceptancePerPosition: [Double], costs: CostMeasurement, batch: Int = 1) {
    guard depth >= 0, depth <= acceptancePerPosition.count, let plain = costs.milliseconds(rows: batch),
      let verify = costs.milliseconds(rows: batch * (depth + 1)), verify > 0
    else { return nil }
    self.depth = depth
    tokensPerRound = 1 + acceptancePerPosition.prefix(depth).reduce(0, +)
    roundMilliseconds = verify + Double(depth) * costs.draftMilliseconds
    speedup = tokensPerRound * plain / roundMilliseconds
  }
}
