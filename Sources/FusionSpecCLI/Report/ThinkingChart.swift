import Decoding
import Foundation
import FusionSpec

/// Accuracy against the time of a reply, by thinking mode: an open dot for plain decoding, a filled one for a setting.
enum ThinkingChart {
  /// One thinking mode's replies.
  struct Mode {
    let name: String
    let setting: ReportSetting
    let summary: SettingSummary
  }

  static func markup(_ modes: [Mode]) -> String {
    let judged = modes.filter { $0.summary.accuracy != nil }
    if judged.isEmpty { return "" }
    var canvas = SVGCanvas(width: 1000, height: 300)
    let frame = PlotFrame(width: 1000, height: 300, values: 0...1.05)
    frame.draw(on: &canvas, title: "right answers", xTitle: "ms of a whole reply, prompt included") {
      $0 <= 1 ? AcceptanceTable.percent($0) : ""
    }
    let longest = judged.map { max($0.summary.meanMilliseconds, $0.summary.plainMeanMilliseconds) }.max() ?? 1
    let x = LinearScale(values: 0...max(longest * 1.15, 1e-6), places: (frame.left, frame.right))
    for tick in x.ticks(8) { frame.label(String(format: "%g", tick), at: x(tick), on: &canvas) }
    for mode in judged {
      let y = frame.y(mode.summary.accuracy ?? 0)
      let from = x(mode.summary.plainMeanMilliseconds)
      let to = x(mode.summary.meanMilliseconds)
      canvas.line(from, y, to, y, "dash")
      canvas.circle(from, y, radius: 5, "open", title: "\(mode.name), plain")
      canvas.circle(
        to, y, radius: 6, PageStyle.className(mode.setting.speculation),
        title: "\(mode.name), \(mode.setting.name)")
      canvas.text(mode.name, to, y - 11, anchor: .middle, "strong")
    }
    return canvas.markup("Accuracy against time by thinking mode")
  }

  /// Share of accepted drafts; nil where nothing was drafted.
  private static func acceptance(_ counters: SpeculationCounters?) -> Double? {
    counters.flatMap { $0.draftCount == 0 ? nil : $0.acceptanceRate }
  }

  static func table(_ modes: [Mode]) -> String {
    HTMLText.table(
      [
        "thinking", "right answers", "tokens a reply", "of them thoughts", "began anew slowly", "ms plain",
        "ms with \(modes.first?.setting.name ?? "")", "drafts accepted", "in thoughts", "in answers",
      ],
      modes.map { mode in
        [
          HTMLText.Cell(mode.name), .share(mode.summary.accuracy),
          HTMLText.Cell(String(format: "%.1f", mode.summary.meanTokens)),
          HTMLText.Cell(String(format: "%.1f", mode.summary.meanThinkingTokens)),
          .share(mode.summary.escalatedShare),
          HTMLText.Cell(String(format: "%.1f", mode.summary.plainMeanMilliseconds)),
          HTMLText.Cell(String(format: "%.1f", mode.summary.meanMilliseconds)),
          .share(acceptance(mode.summary.counters)),
          .share(acceptance(mode.summary.countersByPhase[.thinking])),
          .share(acceptance(mode.summary.countersByPhase[.answer])),
        ]
      })
  }
}
