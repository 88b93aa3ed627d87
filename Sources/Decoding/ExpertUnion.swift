/// The distinct experts that forwards read, by their number of rows, and what one of them costs.
///
/// A cost curve knows what a number of rows takes on average. Rows that agree on their experts take less than that, rows
/// that scatter take more. As far as either lasts, the last forwards say how far the next one's union will be off its mean, and
/// how times have followed unions says what that costs. (On the sample it lasts in batches and hardly for one sequence.)
struct ExpertUnion {
  /// Running mean of the distinct experts, all layers together, by rows; 0 where unknown.
  private var means: [Double]
  /// Running covariance of time and union, and variance of the union, both around the means of their number of rows.
  private var covariance = 0.0
  private var variance = 0.0
  private var observations = 0.0
  /// How far lately unions were off their means, relative to what rows after the first add on average.
  private(set) var deviation = 0.0

  private static let memory = 64.0
  /// Weight of the last forward in the deviation.
  private static let recency = 0.3

  init(maximumRows: Int) { means = Array(repeating: 0, count: maximumRows + 1) }

  /// Adds a forward.
  ///
  /// - Parameters:
  ///   - experts: Distinct experts, summed over the layers; 0 for a model without routed experts.
  ///   - excess: Nanoseconds that it took more than forwards of its size do, negative for less.
  mutating func record(rows: Int, experts: Int, excess: Double) {
    guard experts > 0, rows > 0, rows < means.count else { return }
    let found = Double(experts)
    guard means[rows] > 0 else {
      means[rows] = found
      return
    }
    let off = found - means[rows]
    means[rows] += off / Self.memory
    let grown = means[rows] - means[1]
    guard rows > 1, means[1] > 0, grown > 0 else { return }
    observations = min(observations + 1, 4 * Self.memory)
    covariance += (off * excess - covariance) / observations
    variance += (off * off - variance) / observations
    deviation += (max(-1, min(off / grown, 1)) - deviation) * Self.recency
  }

  /// Nanoseconds that one more distinct expert takes, as far as is known.
  var nanosecondsPerExpert: Double {
    guard observations >= Self.memory, variance > 0 else { return 0 }
    return max(0, covariance / variance)
  }

  /// Running mean of the distinct experts of forwards with this many rows; nil where there were none.
  func mean(rows: Int) -> Double? { rows < means.count && means[rows] > 0 ? means[rows] : nil }

  /// Nanoseconds that `extra` rows will add to a forward of `rows` rows beyond what they add on average, for the experts
  /// that rows choose at present; negative where they agree more than they do on average.
  ///
  /// - Parameter usual: What they add on average. Further experts are at most all of it.
  func surcharge(rows: Int, extra: Int, usual: Double) -> Double {
    guard deviation != 0, let before = mean(rows: rows), let after = mean(rows: rows + extra) else {
      return 0
    }
    return deviation * min(max(0, after - before) * nanosecondsPerExpert, usual)
  }
}
