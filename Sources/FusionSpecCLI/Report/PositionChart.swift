import Decoding
import FusionSpec

/// Acceptance by position: a group of bars for each position, a bar for each setting.
enum PositionChart {
  static func markup(_ results: [SettingResult], prompts: [ReportPrompt]) -> String {
    let series = results.map { ($0.setting, $0.summary(prompts).counters) }.filter { $0.1.draftCount > 0 }
    let positions = series.map { $0.1.usedDepth }.max() ?? 0
    if positions == 0 { return "<p class=\"soft\">Nothing was drafted.</p>" }
    var canvas = SVGCanvas(width: 1000, height: 280)
    let frame = PlotFrame(width: 1000, height: 280, values: 0...1)
    frame.draw(
      on: &canvas, title: "accepted drafts, of those made at the position",
      xTitle: "position of the draft in its round",
      format: AcceptanceTable.percent)
    let slot = (frame.right - frame.left) / Double(positions)
    for position in 0..<positions {
      let present = series.filter { $0.1.usedDepth > position }
      let width = min(30, slot * 0.86 / Double(max(present.count, 1)))
      let center = frame.left + slot * (Double(position) + 0.5)
      frame.label("\(position + 1)", at: center, on: &canvas)
      for (place, (setting, counters)) in present.enumerated() {
        let rate = counters.acceptancePerPosition[position]
        let x = center + (Double(place) - Double(present.count) / 2) * width
        canvas.rectangle(
          x + 1, frame.y(rate), width: width - 2, height: frame.bottom - frame.y(rate),
          PageStyle.className(setting.speculation),
          title:
            "\(setting.name), position \(position + 1): \(AcceptanceTable.percent(rate)) of \(counters.draftedPerPosition[position])"
        )
        if width >= 24 {
          let label = "\(Int((100 * rate).rounded()))"
          canvas.text(label, x + width / 2, frame.y(rate) - 4, anchor: .middle)
        }
      }
    }
    return ChartLegend.markup(series.map { $0.0 }) + canvas.markup("Acceptance by position")
  }
}

/// Names the colours of settings.
enum ChartLegend {
  static func markup(_ settings: [ReportSetting]) -> String {
    let items = settings.map {
      "<span><i class=\"\(PageStyle.className($0.speculation))\"></i>\(HTMLText.escape($0.name))</span>"
    }
    return "<div class=\"legend\">\(items.joined())</div>"
  }
}
