import Decoding
import Foundation
import FusionSpec

/// The report in a few lines for a terminal.
struct AcceptanceTable {
  let report: AcceptanceReport

  init(_ report: AcceptanceReport) { self.report = report }

  var text: String {
    var rows = [
      [
        "setting", "thinking", "ids", "speedup", "slowest", "tok/s", "plain", "accepted", "by position",
        "right",
      ]
    ]
    for result in report.results {
      let summary = result.summary(report.prompts)
      rows.append([
        result.setting.name, result.setting.thinking?.rawValue ?? "-",
        report.isSynthetic ? "-" : result.differingPrompts.isEmpty ? "same" : "DIFFER",
        Self.number(summary.speedup, "%.2f"), Self.number(summary.slowestPromptRatio, "%.2f"),
        Self.number(summary.tokensPerSecond, "%.0f"), Self.number(summary.plainTokensPerSecond, "%.0f"),
        summary.counters.draftCount == 0 ? "-" : Self.percent(summary.counters.acceptanceRate),
        summary.counters.acceptancePerPosition.prefix(5).map(Self.percent).joined(separator: " "),
        summary.accuracy.map(Self.percent) ?? "-",
      ])
    }
    var lines = [heading] + Self.aligned(rows) + thinkingModes + budgets
    let curve = report.costs.forwards.prefix(9).map {
      "\($0.rows): " + String(format: "%.3f", $0.milliseconds)
    }
    lines.append("forward, ms by rows  " + curve.joined(separator: "  "))
    lines += report.results.compactMap(Self.describeCoupling)
    if let skipped = Self.describeLong(report) { lines.append(skipped) }
    lines += report.probes.map { Self.describe($0, of: report.probes.count) }
    if report.isSynthetic { lines.append(AcceptanceRates.warning) }
    return lines.joined(separator: "\n")
  }

  /// Accuracy, tokens, time and acceptance of each thinking mode, where there are several or answers to judge.
  private var thinkingModes: [String] {
    let modes = report.options.thinking
    var rows = [["thinking", "right", "tokens", "thoughts", "anew", "ms plain", "ms", "with", "accepted"]]
    for mode in modes {
      let own = report.results.filter { $0.setting.thinking == mode }
      guard let result = own.first(where: { $0.setting.speculation == .automatic }) ?? own.last else {
        continue
      }
      let summary = result.summary(report.prompts)
      rows.append([
        mode?.rawValue ?? "as asked", summary.accuracy.map(Self.percent) ?? "-",
        Self.number(summary.meanTokens, "%.1f"), Self.number(summary.meanThinkingTokens, "%.1f"),
        Self.percent(summary.escalatedShare), Self.number(summary.plainMeanMilliseconds, "%.1f"),
        Self.number(summary.meanMilliseconds, "%.1f"), result.setting.name,
        summary.counters.draftCount == 0 ? "-" : Self.percent(summary.counters.acceptanceRate),
      ])
    }
    return modes.count > 1 ? Self.aligned(rows) : []
  }

  /// Accuracy and tokens of slow thinking under each budget.
  private var budgets: [String] {
    if report.budgets.isEmpty { return [] }
    let rows = report.budgets.map { result in
      let summary = result.summary(report.prompts)
      return [
        "\(result.budget)", summary.accuracy.map(Self.percent) ?? "-",
        Self.number(summary.meanTokens, "%.1f"), Self.number(summary.meanThinkingTokens, "%.1f"),
        Self.number(summary.meanMilliseconds, "%.1f"),
      ]
    }
    return Self.aligned([["budget", "right", "tokens", "thoughts", "ms"]] + rows)
  }

  /// Rows with their cells one below the other.
  private static func aligned(_ rows: [[String]]) -> [String] {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }.joined(separator: "  ")
    }
  }

  private var heading: String {
    "\(report.model), \(report.weights), \(report.isa), \(report.threads) threads · \(report.prompts.count) prompts"
      + " · batch \(report.options.batch) · temperature \(report.options.sampling.temperature)"
      + (report.automaticChoice.map { " · \($0)" } ?? "")
  }

  /// The wiring test in a line; a warning where it failed.
  static func describe(_ probe: DraftHeadProbe, of count: Int) -> String {
    let found =
      "MTP head\(count > 1 ? " \(probe.place + 1)" : "") agrees with the model at \(percent(probe.agreement)) of \(probe.positions) positions"
      + ", unrelated text would at \(percent(probe.chance))"
    guard probe.isNearChance else { return found }
    return "warning: \(found): its weights look wrong or wrongly wired, drafts will gain nothing"
  }

  /// What first drafts reached beside what they can reach, in a line; nil at temperature 0.
  static func describeCoupling(_ result: SettingResult) -> String? {
    guard let coupling = result.coupling else { return nil }
    func share(_ value: Double) -> String { String(format: "%.1f%%", 100 * value) }
    return "first drafts, \(result.setting.fullName)  accepted \(share(coupling.measured))"
      + ", at least (1-TV)/(1+TV) \(share(coupling.bound)), at most 1-TV \(share(coupling.oneMinusTotalVariation))"
      + ", greedy drafts \(share(coupling.greedyDraft)), \(coupling.positions) positions"
  }

  /// Prompts left out or cut, in a line.
  static func describeLong(_ report: AcceptanceReport) -> String? {
    let names = report.skippedPrompts + report.truncatedPrompts
    if names.isEmpty { return nil }
    let fate = report.skippedPrompts.isEmpty ? "were cut to their last tokens" : "were left out"
    return "warning: \(names.count) prompts do not fit into the context and \(fate): "
      + names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
  }

  static func number(_ value: Double?, _ format: String) -> String {
    value.map { String(format: format, $0) } ?? "-"
  }

  static func percent(_ share: Double) -> String { String(format: "%.0f%%", 100 * share) }
}
