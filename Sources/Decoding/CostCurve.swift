/// Measured time of a forward by its number of rows, in nanoseconds, on this machine for this model.
///
/// A time is a shape, by the number of rows, times a pace that all numbers of rows share. The machine's speed changes all the
/// time, with other programs, its clock and the length of the context, while only one number of rows is measured at a step:
/// were each to keep a time of its own, the number that is run now would look slow or fast beside those measured earlier,
/// and the cost of further rows, a difference of two of them, would be mostly that.
///
/// More rows never take less, so a count that was measured on a bad day is taken for as fast as the larger ones. Counts not
/// seen yet are read off the line through their neighbours.
struct CostCurve {
  private var shapes: [Double]  // by rows, times over the pace, 0 where unknown
  private var least: [Double]  // the least of the known shapes for this many rows and more, infinity for none
  private var below: [Int]  // the greatest measured count up to this one, 0 for none
  private var above: [Int]  // the least measured count from this one on, 0 for none
  /// How slow the machine is at present beside when the shapes were measured.
  private(set) var pace = 1.0
  private var lastRows = 0
  /// How much a measurement says of its own number of rows; less and less while no other number is measured, since what
  /// changes then is the pace.
  private var trust = 1.0
  /// Cost of one more row relative to the first, where nothing is known.
  private static let unknownSlope = 0.35
  /// A row is never taken for cheaper than this, relative to the first: guesses are not worth a smaller difference.
  private static let leastSlope = 0.01
  private static let paceGain = 0.08
  private static let shapeGain = 0.05

  init(maximumRows: Int) {
    shapes = Array(repeating: 0, count: maximumRows + 1)
    least = Array(repeating: .infinity, count: maximumRows + 1)
    below = Array(repeating: 0, count: maximumRows + 1)
    above = Array(repeating: 0, count: maximumRows + 1)
  }

  /// Whether this many rows have been measured.
  func isKnown(_ rows: Int) -> Bool { rows < shapes.count && shapes[rows] > 0 }

  /// Adds a measurement. A single hiccup of the machine cannot move much.
  mutating func record(rows: Int, nanoseconds: Double) {
    guard rows > 0, rows < shapes.count, nanoseconds > 0 else { return }
    if shapes[rows] > 0 {
      let excess = max(0.5, min(nanoseconds / (shapes[rows] * pace), 1.5)) - 1
      trust = rows == lastRows ? trust * 0.5 : min(1, trust + 0.5)
      shapes[rows] *= 1 + excess * Self.shapeGain * trust
      pace *= 1 + excess * Self.paceGain
    } else {
      shapes[rows] = nanoseconds / pace
      link(rows)
    }
    lastRows = rows
    for count in stride(from: rows, through: 1, by: -1) {
      let own = shapes[count] > 0 ? shapes[count] : .infinity
      let bound = min(own, count + 1 < least.count ? least[count + 1] : .infinity)
      if least[count] == bound, count < rows { break }
      least[count] = bound
    }
  }

  /// Makes a count that was measured for the first time the neighbour of those around it.
  private mutating func link(_ rows: Int) {
    for count in rows..<shapes.count {
      if count > rows, shapes[count] > 0 { break }
      below[count] = rows
    }
    for count in stride(from: rows, through: 1, by: -1) {
      if count < rows, shapes[count] > 0 { break }
      above[count] = rows
    }
  }

  /// The time of a forward with this many rows.
  func time(_ rows: Int) -> Double { shape(rows) * pace }

  private func shape(_ rows: Int) -> Double {
    if rows <= 0 { return 0 }
    if isKnown(rows) { return least[rows] }
    let before = below[min(rows, shapes.count - 1)]
    let after = rows < shapes.count ? above[rows] : 0
    if before == 0 { return after == 0 ? 1 : least[after] }
    if after > 0 {
      let share = Double(rows - before) / Double(after - before)
      return least[before] + (least[after] - least[before]) * share
    }
    let slope =
      before > 1 && shapes[1] > 0
      ? (least[before] - least[1]) / Double(before - 1) : least[before] * Self.unknownSlope
    return least[before] + max(slope, 0) * Double(rows - before)
  }

  /// The time that `extra` rows add to `rows`.
  func marginal(rows: Int, extra: Int = 1) -> Double {
    max(shape(rows + extra) - shape(rows), Self.leastSlope * Double(extra) * shape(1)) * pace
  }
}
