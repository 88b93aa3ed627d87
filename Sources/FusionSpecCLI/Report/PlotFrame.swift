import Foundation

/// A straight mapping from values to places.
struct LinearScale {
  let values: ClosedRange<Double>
  let places: (from: Double, to: Double)

  /// The place of a value; values outside are put at the nearer end.
  func callAsFunction(_ value: Double) -> Double {
    let span = values.upperBound - values.lowerBound
    let share = span > 0 ? (min(max(value, values.lowerBound), values.upperBound) - values.lowerBound) / span : 0
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
