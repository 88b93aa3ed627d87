import Decoding
import Foundation
import FusionSpec

/// The report as one self-contained page: no scripts, nothing loaded from elsewhere.
struct AcceptancePage {
  private let report: AcceptanceReport
  private let samples: [FateSample]
  private let modes: [ThinkingMode?]

  init(_ report: AcceptanceReport, samples: [FateSample]) {
    self.report = report
    self.samples = samples
    modes = report.options.thinking
  }

  init(_ report: AcceptanceReport, model: LanguageModel) {
    self.init(report, samples: FateSample.choose(report, model: model))
  }

  var html: String {
    """
    <!DOCTYPE html>
    <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
    <title>\(HTMLText.escape(report.model)): speculation</title>
    <style>
    \(PageStyle.sheet)
    </style></head><body><main>
    \(head)
    \(settings)
    \(acceptance)
    \(prompts)
    \(costs)
    \(thinking)
    \(budgets)
    \(replies)
    </main></body></html>

    """
  }

  private func results(_ mode: ThinkingMode?) -> [SettingResult] {
    report.results.filter { $0.setting.thinking == mode }
  }

  /// A part of the page for each thinking mode, named where there are several.
  private func forEachMode(_ part: ([SettingResult], ThinkingMode?) -> String) -> String {
    modes.map { mode in
      let title = mode.map { "<h4>\($0.rawValue) thinking</h4>" } ?? ""
      return "\(title)<div class=\"card\">\(part(results(mode), mode))</div>"
    }.joined(separator: "\n")
  }

  private var head: String {
    let options = report.options
    let facts =
      [
        report.weights, report.isa, "\(report.threads) threads", "\(report.prompts.count) prompts",
        "batch \(options.batch)", "temperature \(options.sampling.temperature)",
        "seed \(options.sampling.seed)",
        "at most \(options.maximumTokens) tokens",
        options.repetitions == 1 ? "one run" : "medians of \(options.repetitions) runs",
      ] + [report.automaticChoice].compactMap { $0 }
    return """
      <h1>\(HTMLText.escape(report.model))</h1>
      <p class="soft">\(HTMLText.escape(facts.joined(separator: " · ")))</p>
      \(verdict)\(probe)\(skipped)
      <div class="tiles">\(tiles)</div>
      """
  }

  private var verdict: String {
    switch report.isIdentical {
    case nil:
      let rates = report.options.syntheticAcceptance?.map { "\($0)" }.joined(separator: ", ") ?? ""
      return
        "<div class=\"verdict warn\"><b>Acceptance was forced</b> to \(HTMLText.escape(rates)). The text is "
        + "garbage; token ids were not compared.</div>"
    case true?:
      return "<div class=\"verdict\"><b>Same token ids.</b> All \(report.prompts.count) prompts, in all "
        + "\(report.results.count) settings, got exactly the tokens of plain decoding.</div>"
    case false?:
      let names = report.results.filter { !$0.differingPrompts.isEmpty }.map {
        "\($0.setting.fullName) (\($0.differingPrompts.prefix(8).map { report.prompts[$0].id }.joined(separator: ", ")))"
      }
      return "<div class=\"verdict bad\"><b>Token ids differ from plain decoding:</b> "
        + "\(HTMLText.escape(names.joined(separator: "; ")))</div>"
    }
  }

  private var probe: String {
    report.probes.map { probe in
      let line = HTMLText.escape(AcceptanceTable.describe(probe, of: report.probes.count))
      return "<div class=\"verdict\(probe.isNearChance ? " bad" : "")\">\(line)</div>"
    }.joined(separator: "\n")
  }

  private var skipped: String {
    AcceptanceTable.describeLong(report).map { "<div class=\"verdict warn\">\(HTMLText.escape($0))</div>" }
      ?? ""
  }

  private var tiles: String {
    let named = report.results.map { ($0.setting, $0.summary(report.prompts)) }
    var tiles: [(String, String)] = []
    for (setting, summary) in named where setting.speculation == .automatic {
      tiles.append(
        (AcceptanceTable.number(summary.speedup, "%.2f×"), "\(setting.fullName): speed against plain"))
    }
    if let best = named.max(by: { ($0.1.speedup ?? 0) < ($1.1.speedup ?? 0) }) {
      tiles.append(
        (AcceptanceTable.number(best.1.tokensPerSecond, "%.0f"), "tokens a second with \(best.0.fullName)"))
      tiles.append((AcceptanceTable.number(best.1.plainTokensPerSecond, "%.0f"), "tokens a second plain"))
      let first = best.1.counters.acceptancePerPosition.first
      tiles.append((first.map(AcceptanceTable.percent) ?? "–", "first drafts accepted, \(best.0.fullName)"))
    }
    let slowest = named.filter { $0.0.speculation == .automatic }.compactMap { $0.1.slowestPromptRatio }.min()
    if let slowest { tiles.append((String(format: "%.2f×", slowest), "slowest prompt with auto")) }
    return tiles.map {
      "<div class=\"tile\"><b>\(HTMLText.escape($0))</b><span>\(HTMLText.escape($1))</span></div>"
    }
    .joined()
  }

  private var settings: String {
    func row(_ result: SettingResult) -> [HTMLText.Cell] {
      let summary = result.summary(report.prompts)
      let counters = summary.counters
      return [
        HTMLText.Cell(result.setting.name), HTMLText.Cell.ratio(summary.speedup),
        HTMLText.Cell.ratio(summary.slowestPromptRatio),
        HTMLText.Cell(AcceptanceTable.number(summary.tokensPerSecond, "%.0f")),
        HTMLText.Cell(AcceptanceTable.number(summary.plainTokensPerSecond, "%.0f")),
        HTMLText.Cell.share(counters.draftCount == 0 ? nil : counters.acceptanceRate),
        HTMLText.Cell(String(format: "%.2f", counters.meanAcceptanceLength)),
        HTMLText.Cell(String(format: "%.1f", summary.meanTokens)), HTMLText.Cell.share(summary.accuracy),
      ]
    }
    let header = [
      "setting", "speed", "slowest prompt", "tokens/s", "plain", "accepted", "tokens a drafted round",
      "tokens a reply",
      "right answers",
    ]
    return """
      <h2>Settings</h2>
      <p class="soft">Each beside a plain run of the same prompts in the same session. Speed counts \
      \(report.options.batch == 1 ? "from the first token to the last" : "the whole set, prompts included").</p>
      \(forEachMode { results, _ in HTMLText.table(header, results.map(row)) })
      """
  }

  private var acceptance: String {
    """
    <h2>Which drafts are accepted</h2>
    <p class="soft">A draft counts as accepted if it and all drafts before it in its round are the tokens that the model \
    itself would have written.</p>
    \(forEachMode { results, _ in PositionChart.markup(results, prompts: report.prompts) })
    \(coupling)
    <h3>By phase and category</h3>
    \(forEachMode { results, _ in heatTable(results) })
    """
  }

  /// First drafts at temperature above 0: measured beside what theory promises and allows.
  private var coupling: String {
    guard report.results.contains(where: { $0.coupling != nil }) else { return "" }
    func row(_ result: SettingResult) -> [HTMLText.Cell]? {
      guard let coupling = result.coupling else { return nil }
      let values = [
        coupling.bound, coupling.measured, coupling.oneMinusTotalVariation, coupling.greedyDraft,
      ]
      return [HTMLText.Cell(result.setting.name)] + values.map { HTMLText.Cell.share($0) }
        + [HTMLText.Cell("\(coupling.positions)")]
    }
    let header = [
      "first drafts", "promised: (1−TV)/(1+TV)", "accepted", "limit: 1−TV", "greedy drafts would get",
      "positions",
    ]
    return """
      <h3>Drafts with the target's own noise</h3>
      <p class="soft">TV is the distance of the head's distribution from the model's, at each position where a first draft was \
      verified, given the true text. Sharing the noise promises at least (1−TV)/(1+TV); nothing that keeps the text's \
      distribution beats 1−TV. Where auto copies earlier text, its first drafts are not the head's.</p>
      \(forEachMode { results, _ in HTMLText.table(header, results.compactMap(row)) })
      """
  }

  private func heatTable(_ results: [SettingResult]) -> String {
    let categories = report.prompts.categories
    let drafted = results.filter { $0.setting.speculation != .off }
    func share(_ counters: SpeculationCounters?) -> HTMLText.Cell {
      guard let counters, counters.draftCount > 0 else { return .share(nil) }
      return .share(counters.acceptanceRate)
    }
    let shares = drafted.map { result in
      let summary = result.summary(report.prompts)
      let byCategory = result.summariesByCategory(report.prompts)
      return [HTMLText.Cell(result.setting.name)] + Phase.allCases.map { share(summary.countersByPhase[$0]) }
        + byCategory.map { share($0.summary.counters) }
    }
    let accepted = HTMLText.table(["drafts accepted"] + Phase.allCases.map(\.name) + categories, shares)
    if categories.isEmpty { return accepted }
    let speeds = results.map { result in
      [HTMLText.Cell(result.setting.name)]
        + result.summariesByCategory(report.prompts).map { .ratio($0.summary.speedup) }
    }
    return "<div class=\"pair\">" + accepted + HTMLText.table(["speed"] + categories, speeds) + "</div>"
  }

  private var prompts: String {
    """
    <h2>Speed of each prompt</h2>
    <p class="soft">The dashed line is plain decoding; the bar marks the median. Short replies scatter: a few milliseconds are \
    hard to time.</p>
    \(forEachMode { results, _ in RatioChart.markup(results, prompts: report.prompts) })
    """
  }

  private var costs: String {
    let draft = String(format: "%.3f", report.costs.draftMilliseconds)
    return """
      <h2>What depth pays</h2>
      <p class="soft">Verifying drafts adds rows to a forward; each row reads further experts. A pass of the MTP head takes \
      \(draft) ms. From the measured acceptance and these costs follows what each depth should be worth (open dots); filled \
      dots were measured\(report.results.contains { $0.setting.speculation == .automatic } ? ", the green line is auto" : "").\(batchNote)</p>
      <div class="card">\(CostChart.markup(report.costs, batch: report.options.batch))</div>
      \(forEachMode { results, mode in
        DepthChart.markup(results, predictions: report.predictions(thinking: mode), prompts: report.prompts)
      })
      """
  }

  private var batchNote: String {
    report.options.batch == 1
      ? ""
      : " Measured times include prompts and the end of the set, where the batch runs empty; predictions do not."
  }

  private var thinking: String {
    let entries = modes.compactMap { mode -> ThinkingChart.Mode? in
      let own = results(mode)
      guard let result = own.first(where: { $0.setting.speculation == .automatic }) ?? own.last else {
        return nil
      }
      return ThinkingChart.Mode(
        name: mode?.rawValue ?? "as asked", setting: result.setting, summary: result.summary(report.prompts))
    }
    guard entries.contains(where: { $0.summary.accuracy != nil }), !report.isSynthetic else { return "" }
    return """
      <h2>Thinking: accuracy, tokens and time</h2>
      <p class="soft">Answers that are exactly right, by how the model was asked to think. Open dots are plain decoding.</p>
      <div class="card">\(ThinkingChart.markup(entries))</div>
      \(ThinkingChart.table(entries))
      """
  }

  private var budgets: String {
    if report.budgets.isEmpty || report.isSynthetic { return "" }
    return """
      <h2>Thinking: accuracy against budget</h2>
      <p class="soft">Slow thinking, its thoughts ended after so many tokens. The dashed lines are the modes above, without a \
      budget.</p>
      <div class="card">\(BudgetChart.markup(report))</div>
      \(BudgetChart.table(report))
      """
  }

  private var replies: String {
    if samples.isEmpty { return "" }
    return """
      <h2>Replies, token by token</h2>
      <p><span class="a">accepted draft</span> · <span class="c">the model's correction of a wrong draft</span> · not \
      drafted</p>
      \(samples.map(\.markup).joined(separator: "\n"))
      """
  }
}
