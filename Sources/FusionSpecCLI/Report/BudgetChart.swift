import Decoding
import Foundation
import FusionSpec

/// Accuracy of slow thinking against its budget, beside the thinking modes without one.
enum BudgetChart {
  static func markup(_ report: AcceptanceReport) -> String {
    let points = report.budgets.map { ($0.budget, $0.summary(report.prompts)) }
    if points.allSatisfy({ $0.1.accuracy == nil }) {
      return "<p class=\"soft\">The prompts have no answers to judge by.</p>"
    }
    var canvas = SVGCanvas(width: 1000, height: 320)
    let frame = PlotFrame(width: 1000, height: 320, values: 0...1.05)
    frame.draw(on: &canvas, title: "right answers", xTitle: "most tokens of thoughts") {
      $0 <= 1 ? AcceptanceTable.percent($0) : ""
    }
    // Budgets usually double: they stand side by side, not by their size.
    let slot = (frame.right - frame.left - 120) / Double(max(points.count, 1))
    func x(_ place: Int) -> Double { frame.left + slot * (Double(place) + 0.5) }
    for (name, accuracy) in modes(report) {
      canvas.line(frame.left, frame.y(accuracy), frame.right - 100, frame.y(accuracy), "dash")
      canvas.text(name, frame.right - 94, frame.y(accuracy) + 4)
    }
    let judged = points.enumerated().compactMap { place, point in
      point.1.accuracy.map { (place: place, budget: point.0, accuracy: $0, summary: point.1) }
    }
    canvas.path(judged.map { (x($0.place), frame.y($0.accuracy)) }, "line")
    for point in judged {
      frame.label("\(point.budget)", at: x(point.place), on: &canvas)
      canvas.circle(
        x(point.place), frame.y(point.accuracy), radius: 5, "dot",
        title: String(
          format: "budget %d: %.1f tokens a reply", point.budget, point.summary.meanTokens))
      canvas.text(
        AcceptanceTable.percent(point.accuracy), x(point.place), frame.y(point.accuracy) - 11,
        anchor: .middle, "strong")
    }
    return canvas.markup("Accuracy against thinking budget")
  }

  /// Accuracy of the thinking modes that were run without these budgets.
  private static func modes(_ report: AcceptanceReport) -> [(name: String, accuracy: Double)] {
    report.options.thinking.compactMap { mode in
      guard let mode, let result = report.results.first(where: { $0.setting.thinking == mode }),
        let accuracy = result.summary(report.prompts).accuracy
      else { return nil }
      return ("\(mode.rawValue), no budget", accuracy)
    }
  }

  static func table(_ report: AcceptanceReport) -> String {
    let categories = report.prompts.categories
    return HTMLText.table(
      ["budget", "right answers", "tokens a reply", "of them thoughts", "ms"] + categories,
      report.budgets.map { result in
        let summary = result.summary(report.prompts)
        return [
          HTMLText.Cell("\(result.budget)"), .share(summary.accuracy),
          HTMLText.Cell(String(format: "%.1f", summary.meanTokens)),
          HTMLText.Cell(String(format: "%.1f", summary.meanThinkingTokens)),
          HTMLText.Cell(String(format: "%.1f", summary.meanMilliseconds)),
        ] + categories.map { HTMLText.Cell.share(result.accuracy(report.prompts, category: $0)) }
      })
  }
}
