/// Measured time of a forward by its number of rows, in nanoseconds, on this machine for this model.
///
/// Times are running averages that a single hiccup of the machine cannot move far. More rows never take less, so a count that
/// was measured on a bad day is taken for as fast as the larger ones. Counts not seen yet are read off the line through their
/// neighbours.
struct CostCurve {
  private var times: [Double]  // by rows, 0 where unknown
  private var least: [Double]  // the least of the known times for this many rows and more, infinity for none
  /// Cost of one more row relative to the first, where nothing is known.
  private static let unknownSlope = 0.35

  init(maximumRows: Int) {
    times = Array(repeating: 0, count: maximumRows + 1)
    least = Array(repeating: .infinity, count: maximumRows + 1)
  }

  /// Whether this many rows have been measured.
  func isKnown(_ rows: Int) -> Bool { rows < times.count && times[rows] > 0 }

  /// Adds a measurement.
  mutating func record(rows: Int, nanoseconds: Double) {
    guard rows > 0, rows < times.count else { return }
    if times[rows] > 0 {
      let bounded = min(nanoseconds, 1.5 * times[rows])
      times[rows] += (bounded - times[rows]) * (bounded < times[rows] ? 0.25 : 0.03)
    } else {
      times[rows] = nanoseconds
    }
    for count in stride(from: rows, through: 1, by: -1) {
      let own = times[count] > 0 ? times[count] : .infinity
      let bound = min(own, count + 1 < least.count ? least[count + 1] : .infinity)
      if least[count] == bound, count < rows { break }
      least[count] = bound
    }
  }

  /// The time of a forward with this many rows.
  func time(_ rows: Int) -> Double {
    if rows <= 0 { return 0 }
    if isKnown(rows) { return least[rows] }
    let below = stride(from: min(rows, times.count) - 1, through: 1, by: -1).first { times[$0] > 0 }
    let above = rows < times.count ? (rows + 1..<times.count).first { times[$0] > 0 } : nil
    switch (below, above) {
    case (let below?, let above?):
      let share = Double(rows - below) / Double(above - below)
      return least[below] + (least[above] - least[below]) * share
    case (let below?, nil):
      let slope =
        below > 1 && times[1] > 0
        ? (least[below] - least[1]) / Double(below - 1) : least[below] * Self.unknownSlope
      return least[below] + max(slope, 0) * Double(rows - below)
    case (nil, let above?): return least[above]
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
