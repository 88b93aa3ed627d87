import Decoding
import Foundation
import FusionSpec

/// Speed by depth, predicted and measured, beside the depths that automatic speculation chose.
enum DepthChart {
  static func markup(_ results: [SettingResult], predictions: [SpeedPrediction], prompts: [ReportPrompt])
    -> String
  {
    let summaries = results.map { ($0.setting.speculation, $0.summary(prompts)) }
    let measured = summaries.compactMap { speculation, summary -> (Int, Double)? in
      guard case .mtp(let depth) = speculation, let speedup = summary.speedup else { return nil }
      return (depth, speedup)
    }
    let automatic = summaries.first { $0.0 == .automatic }?.1
    var canvas = SVGCanvas(width: 1000, height: 290)
    let deepest = max(predictions.last?.depth ?? 0, measured.map(\.0).max() ?? 0)
    let histogramX = deepest > 0 ? 520.0 : 0
    if deepest > 0 {
      drawSpeed(predictions, measured, automatic: automatic?.speedup, deepest: deepest, on: &canvas)
    }
    if let automatic { drawHistogram(automatic.depthHistogram, x: histogramX, on: &canvas) }
    if deepest == 0, automatic == nil { return "" }
    return canvas.markup("Speed by depth, and depths chosen")
  }

  private static func drawSpeed(
    _ predictions: [SpeedPrediction], _ measured: [(Int, Double)], automatic: Double?, deepest: Int,
    on canvas: inout SVGCanvas
  ) {
    let values = predictions.map(\.speedup) + measured.map(\.1) + [automatic, 1].compactMap { $0 }
    let low = min(0.9, (values.min() ?? 1) - 0.05)
    let frame = PlotFrame(width: 500, height: 290, values: low...(values.max() ?? 1) + 0.12)
    frame.draw(on: &canvas, title: "speed against plain decoding", xTitle: "drafts a round") {
      String(format: "%.2g×", $0)
    }
    let x = LinearScale(values: 0.5...Double(deepest) + 0.5, places: (frame.left, frame.right))
    canvas.line(frame.left, frame.y(1), frame.right, frame.y(1), "one")
    for depth in 1...deepest { frame.label("\(depth)", at: x(Double(depth)), on: &canvas) }
    if let automatic {
      canvas.line(frame.left, frame.y(automatic), frame.right, frame.y(automatic), "stroke-auto")
    }
    canvas.path(predictions.map { (x(Double($0.depth)), frame.y($0.speedup)) }, "dash")
    for prediction in predictions {
      canvas.circle(
        x(Double(prediction.depth)), frame.y(prediction.speedup), radius: 4.5, "open",
        title: String(
          format: "depth %d predicted: %.2f× (%.2f tokens a round)", prediction.depth, prediction.speedup,
          prediction.tokensPerRound))
    }
    for (depth, speedup) in measured {
      canvas.circle(
        x(Double(depth)), frame.y(speedup), radius: 5, PageStyle.className(.mtp(depth: depth)),
        title: String(format: "depth %d measured: %.2f×", depth, speedup))
    }
  }

  private static func drawHistogram(_ histogram: [Int], x: Double, on canvas: inout SVGCanvas) {
    let total = Double(max(1, histogram.reduce(0, +)))
    let greatest = Double(histogram.max() ?? 0) / total
    let frame = PlotFrame(x: x, width: 480, height: 290, values: 0...max(0.1, greatest * 1.15))
    frame.draw(on: &canvas, title: "depths that auto chose, share of rounds", xTitle: "drafts in the round") {
      AcceptanceTable.percent($0)
    }
    let slot = (frame.right - frame.left) / Double(max(histogram.count, 1))
    for (depth, rounds) in histogram.enumerated() {
      let share = Double(rounds) / total
      let center = frame.left + slot * (Double(depth) + 0.5)
      frame.label("\(depth)", at: center, on: &canvas)
      canvas.rectangle(
        center - slot * 0.36, frame.y(share), width: slot * 0.72, height: frame.bottom - frame.y(share),
        "auto",
        title: "\(depth) drafts: \(rounds) rounds")
      if rounds > 0 {
        canvas.text(AcceptanceTable.percent(share), center, frame.y(share) - 5, anchor: .middle, "strong")
      }
    }
  }
}
