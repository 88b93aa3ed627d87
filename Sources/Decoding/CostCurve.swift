/// Measured time of a forward by its number of rows, in nanoseconds, on this machine for this model.
///
/// Times are running averages that a single hiccup of the machine cannot move far. More rows never take less, so a count that
/// was measured on a bad day is taken for as fast as the larger ones. Counts not seen yet are read off the line through their
/// neighbours.
struct CostCurve {
  private var times: [Double]  // by rows, 0 where unknown
  private var least: [Double]  // the least of the known times for this many rows and more, infinity for none
  private var below: [Int]  // the greatest measured count up to this one, 0 for none
  private var above: [Int]  // the least measured count from this one on, 0 for none
  /// Cost of one more row relative to the first, where nothing is known.
  private static let unknownSlope = 0.35
  /// A row is taken for no cheaper than this, relative to the first. Only the number of rows that is run now is measured, so
  /// while the machine slows down it looks slow beside the others and they look free.
  private static let leastSlope = 0.08

  init(maximumRows: Int) {
    times = Array(repeating: 0, count: maximumRows + 1)
    least = Array(repeating: .infinity, count: maximumRows + 1)
    below = Array(repeating: 0, count: maximumRows + 1)
    above = Array(repeating: 0, count: maximumRows + 1)
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
      link(rows)
    }
    for count in stride(from: rows, through: 1, by: -1) {
      let own = times[count] > 0 ? times[count] : .infinity
      let bound = min(own, count + 1 < least.count ? least[count + 1] : .infinity)
      if least[count] == bound, count < rows { break }
      least[count] = bound
    }
  }

  /// Makes a count that was measured for the first time the neighbour of those around it.
  private mutating func link(_ rows: Int) {
    for count in rows..<times.count {
      if count > rows, times[count] > 0 { break }
      below[count] = rows
    }
    for count in stride(from: rows, through: 1, by: -1) {
      if count < rows, times[count] > 0 { break }
      above[count] = rows
    }
  }

  /// The time of a forward with this many rows.
  func time(_ rows: Int) -> Double {
    if rows <= 0 { return 0 }
    if isKnown(rows) { return least[rows] }
    let before = below[min(rows, times.count - 1)]
    let after = rows < times.count ? above[rows] : 0
    if before == 0 { return after == 0 ? 1 : least[after] }
    if after > 0 {
      let share = Double(rows - before) / Double(after - before)
      return least[before] + (least[after] - least[before]) * share
    }
    let slope =
      before > 1 && times[1] > 0
      ? (least[before] - least[1]) / Double(before - 1) : least[before] * Self.unknownSlope
    return least[before] + max(slope, 0) * Double(rows - before)
  }

  /// The time that `extra` rows add to `rows`.
  func marginal(rows: Int, extra: Int = 1) -> Double {
    max(time(rows + extra) - time(rows), Self.leastSlope * Double(extra) * time(1))
  }
}
