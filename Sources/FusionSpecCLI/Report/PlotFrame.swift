import Foundation

/// A straight mapping from values to places.
struct LinearScale {
  let values: ClosedRange<Double>
  let places: (from: Double, to: Double)

  /// The place of a value; values outside are put at the nearer end.
  func callAsFunction(_ value: Double) -> Double {
    let span = values.upperBound - values.lowerBound
    let share =
      span > 0 ? (min(max(value, values.lowerBound), values.upperBound) - values.lowerBound) / span : 0
    return places.from + share * (places.to - places.from)
  }

  /// Round values across the range, about `count` of them.
  func ticks(_ count: Int = 5) -> [Double] {
    let step = Self.roundStep((values.upperBound - values.lowerBound) / Double(max(count, 1)))
    guard step > 0, step.isFinite else { return [values.lowerBound] }
    var ticks: [Double] = []
    var index = (values.lowerBound / step - 1e-9).rounded(.up)
    while index * step <= values.upperBound + step * 1e-6, ticks.count < 50 {
      ticks.append(index * step + 0)  // no negative zero
      index += 1
    }
    return ticks
  }

  /// The next of 1, 2, 5 times a power of ten.
  private static func roundStep(_ raw: Double) -> Double {
    guard raw > 0, raw.isFinite else { return 0 }
    let magnitude = pow(10, log10(raw).rounded(.down))
    let factor = [1, 2, 5, 10].first { $0 * magnitude >= raw * 0.999 } ?? 10
    return factor * magnitude
  }
}

/// A logarithmic mapping from ratios to places: half and twice are equally far from one.
struct LogScale {
  private let linear: LinearScale
  private let values: ClosedRange<Double>

  /// Maps positive values.
  init(values: ClosedRange<Double>, places: (from: Double, to: Double)) {
    let positive = max(values.lowerBound, 1e-3)...max(values.upperBound, 1e-3)
    self.values = positive
    linear = LinearScale(values: log2(positive.lowerBound)...log2(positive.upperBound), places: places)
  }

  /// The place of a ratio; ratios outside are put at the nearer end.
  func callAsFunction(_ value: Double) -> Double { linear(log2(max(value, 1e-3))) }

  /// Round ratios, 1 always among them, at least so far apart.
  func ticks(apart: Double) -> [Double] {
    let steps = [
      0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.7, 0.8, 0.9, 1.1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 7, 10, 20, 50, 100,
    ]
    var ticks = [1.0]
    for step in [0.5, 2, 5, 0.2, 1.5, 3, 10] + steps where values.contains(step) {
      if ticks.allSatisfy({ abs(self($0) - self(step)) >= apart }) { ticks.append(step) }
    }
    return ticks.sorted()
  }
}

/// Axes around a plot: grid lines across with their values at the left, titles at the top and below.
struct PlotFrame {
  let left: Double
  let right: Double
  let top: Double
  let bottom: Double
  let y: LinearScale

  /// Room for the labels is left on every side.
  init(x: Double = 0, width: Double, height: Double, values: ClosedRange<Double>) {
    left = x + 52
    right = x + width - 14
    top = 30
    bottom = height - 44
    y = LinearScale(values: values, places: (bottom, top))
  }

  /// Draws grid, values and titles.
  func draw(on canvas: inout SVGCanvas, title: String, xTitle: String, format: (Double) -> String) {
    canvas.text(title, left, top - 14, "title")
    for tick in y.ticks() {
      canvas.line(left, y(tick), right, y(tick), "grid")
      canvas.text(format(tick), left - 7, y(tick) + 4, anchor: .end)
    }
    canvas.line(left, bottom, right, bottom, "axis")
    canvas.text(xTitle, (left + right) / 2, bottom + 36, anchor: .middle)
  }

  /// A label below the plot.
  func label(_ text: String, at x: Double, on canvas: inout SVGCanvas) {
    canvas.text(text, x, bottom + 16, anchor: .middle)
  }
}
