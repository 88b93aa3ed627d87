/// Measured time of a forward by its number of rows, in nanoseconds, on this machine for this model.
///
/// Times are running averages that a single hiccup of the machine cannot move far. Row counts not seen yet are read off
/// the line through their neighbours.
struct CostCurve {
  private var times: [Double]  // by rows, 0 where unknown
  private var largest = 0
  /// Cost of one more row relative to the first, where nothing is known.
  private static let unknownSlope = 0.35

  init(maximumRows: Int) { times = Array(repeating: 0, count: maximumRows + 1) }

  /// Whether this many rows have been measured.
  func isKnown(_ rows: Int) -> Bool { rows < times.count && times[rows] > 0 }

  /// Adds a measurement.
  mutating func record(rows: Int, nanoseconds: Double) {
    guard rows > 0, rows < times.count else { return }
    largest = max(largest, rows)
    guard times[rows] > 0 else {
      times[rows] = nanoseconds
      return
    }
    let bounded = min(nanoseconds, 1.5 * times[rows])
    times[rows] += (bounded - times[rows]) * (bounded < times[rows] ? 0.25 : 0.03)
  }

  /// The time of a forward with this many rows.
  func time(_ rows: Int) -> Double {
    if rows <= 0 { return 0 }
    if isKnown(rows) { return times[rows] }
    let below = stride(from: min(rows, times.count) - 1, through: 1, by: -1).first { times[$0] > 0 }
    let above = rows < times.count ? (rows + 1..<times.count).first { times[$0] > 0 } : nil
    switch (below, above) {
    case (let below?, let above?):
      let share = Double(rows - below) / Double(above - below)
      return times[below] + (times[above] - times[below]) * share
    case (let below?, nil):
      let slope =
        below > 1 && times[1] > 0
        ? (times[below] - times[1]) / Double(below - 1) : times[below] * Self.unknownSlope
      return times[below] + max(slope, 0) * Double(rows - below)
    case (nil, let above?): return times[above]
    case (nil, nil): return 1
    }
  }

  /// The time that `extra` rows add to `rows`.
  func marginal(rows: Int, extra: Int = 1) -> Double { max(0, time(rows + extra) - time(rows)) }

  /// Row counts measured, with their times.
  var measured: [(rows: Int, nanoseconds: Double)] {
    times.enumerated().filter { $0.element > 0 }.map { ($0.offset, $0.element) }
  }
}
