import Decoding
import Foundation
import FusionSpec

/// Each prompt's speed against plain decoding: a strip of dots for each setting, stacked where prompts are alike.
enum RatioChart {
  private static let rowHeight = 58.0
  private static let left = 136.0

  static func markup(_ results: [SettingResult], prompts: [ReportPrompt]) -> String {
    let rows = results.map { result in (result, result.summary(prompts)) }
    let ratios = rows.flatMap { $0.1.ratios.compactMap { $0 } }.sorted()
    guard let least = ratios.first, let greatest = ratios.last else {
      return "<p class=\"soft\">The replies are too short to be timed.</p>"
    }
    let height = 34 + rowHeight * Double(rows.count) + 42
    var canvas = SVGCanvas(width: 1000, height: height)
    let bottom = height - 42
    // A few prompts far out do not squeeze all others; they are drawn at the edge.
    let usual = ratios[ratios.count / 50]...ratios[ratios.count * 49 / 50]
    let scale = LogScale(
      values: min(0.9, max(least, usual.lowerBound / 1.5))...max(1.2, min(greatest, usual.upperBound * 1.5)),
      places: (left, 986))
    for tick in scale.ticks(apart: 52) {
      canvas.line(scale(tick), 24, scale(tick), bottom, "grid")
      canvas.text(String(format: "%g×", tick), scale(tick), bottom + 16, anchor: .middle)
    }
    canvas.line(scale(1), 18, scale(1), bottom, "one")
    canvas.text(
      "tokens per second against plain decoding, one dot a prompt", (left + 986) / 2, bottom + 36,
      anchor: .middle)
    for (place, (result, summary)) in rows.enumerated() {
      let center = 34 + rowHeight * (Double(place) + 0.5)
      draw(result, summary, prompts, center: center, scale: scale, on: &canvas)
    }
    return canvas.markup("Speed of each prompt against plain decoding")
  }

  private static func draw(
    _ result: SettingResult, _ summary: SettingSummary, _ prompts: [ReportPrompt], center: Double,
    scale: LogScale,
    on canvas: inout SVGCanvas
  ) {
    let points = summary.ratios.enumerated().compactMap { place, ratio in ratio.map { (place, $0) } }
      .sorted { $0.1 < $1.1 }
    canvas.text(result.setting.name, left - 12, center - 13, anchor: .end, "title")
    guard let slowest = points.first, !points.isEmpty else { return }
    let binWidth = 4.0
    let bins = Dictionary(grouping: points) { Int(scale($0.1) / binWidth) }
    let tallest = bins.values.map(\.count).max() ?? 1
    let spacing = min(4.6, (rowHeight - 22) / Double(max(tallest - 1, 1)))
    for (bin, members) in bins.sorted(by: { $0.key < $1.key }) {
      for (level, (place, ratio)) in members.enumerated() {
        // Up and down in turn from the row's middle.
        let offset = Double((level + 1) / 2) * (level % 2 == 1 ? -1 : 1)
        canvas.circle(
          (Double(bin) + 0.5) * binWidth, center + offset * spacing, radius: 2.3,
          "cloud " + PageStyle.className(result.setting.speculation),
          title: "\(prompts[place].id): \(String(format: "%.2f×", ratio))")
      }
    }
    let middle = points[points.count / 2].1
    canvas.line(scale(middle), center - 20, scale(middle), center + 20, "mark")
    canvas.text(String(format: "median %.2f×", middle), left - 12, center + 4, anchor: .end)
    canvas.text(String(format: "slowest %.2f×", slowest.1), left - 12, center + 20, anchor: .end)
  }
}
