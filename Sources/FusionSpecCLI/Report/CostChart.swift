import Decoding
import Foundation
import FusionSpec

/// What verification costs: the measured time of a forward by its rows.
enum CostChart {
  static func markup(_ costs: CostMeasurement, batch: Int) -> String {
    guard let last = costs.forwards.last, let one = costs.milliseconds(rows: 1), one > 0 else {
      return "<p class=\"soft\">The texts are too short to measure forwards on.</p>"
    }
    var canvas = SVGCanvas(width: 1000, height: 300)
    let top = (costs.forwards.map(\.milliseconds).max() ?? one) * 1.12
    let frame = PlotFrame(width: 1000, height: 300, values: 0...top)
    frame.draw(
      on: &canvas, title: "ms of a forward of the main model",
      xTitle: batch == 1
        ? "rows in the forward (1 + drafts)" : "rows in the forward (\(batch) × (1 + drafts))"
    ) {
      String(format: "%.3g", $0)
    }
    let x = LinearScale(values: 0.5...Double(last.rows) + 0.5, places: (frame.left, frame.right))
    // What the rows would cost one at a time, as far as it fits into the plot.
    let reach = min(Double(last.rows), top / one)
    canvas.path([(x(1), frame.y(one)), (x(reach), frame.y(one * reach))], "dash")
    canvas.text(
      "as plain steps", x(reach) + 6, max(frame.y(one * reach) + 12, frame.top + 12), anchor: .start)
    canvas.path(costs.forwards.map { (x(Double($0.rows)), frame.y($0.milliseconds)) }, "line")
    for cost in costs.forwards {
      let place = x(Double(cost.rows))
      let relative = String(format: "%.2f×", cost.milliseconds / one)
      let experts =
        cost.distinctExpertsPerLayer.map { String(format: ", %.1f distinct experts a layer", $0) } ?? ""
      canvas.circle(
        place, frame.y(cost.milliseconds), radius: 4, "dot",
        title: "\(cost.rows) rows: \(String(format: "%.3f", cost.milliseconds)) ms, \(relative)\(experts)")
      guard cost.rows <= 9 && last.rows <= 12 || cost.rows % batch == 0 else { continue }
      frame.label("\(cost.rows)", at: place, on: &canvas)
      canvas.text(relative, place, frame.y(cost.milliseconds) + 20, anchor: .middle, "strong")
    }
    return canvas.markup("Time of a forward by its rows")
  }
}
