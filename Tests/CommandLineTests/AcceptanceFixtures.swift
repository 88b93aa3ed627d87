import Decoding
import FusionSpec

/// Hand-made results whose sums can be done in the head.
enum Fixture {
  /// A reply of `count` tokens that took `milliseconds`, with rounds of (drafted, accepted) in the answer phase.
  static func reply(
    _ tokens: [Int32], milliseconds: Double, rounds: [(Int, Int)] = [], phase: Phase = .answer,
    answer: String = ""
  ) -> ReplyMeasurement {
    var counters = SpeculationCounters()
    var histogram = [Int](repeating: 0, count: 9)
    for (drafted, accepted) in rounds {
      counters.record(drafted: drafted, accepted: accepted)
      histogram[drafted] += 1
    }
    return ReplyMeasurement(
      tokens: tokens, fates: tokens.map { _ in .accepted }, answerText: answer, prefillMilliseconds: 1,
      decodeMilliseconds: milliseconds, countersByPhase: [phase: counters], depthHistogram: histogram)
  }

  static let prompts = [
    ReportPrompt(id: "a", prompt: .user("1 + 1?"), category: "sums", answer: "2"),
    ReportPrompt(id: "b", prompt: .user("<script>alert(1)</script>"), category: "a \"b\" & <c>", answer: "7"),
  ]

  static let plain = [
    reply([1, 2, 3, 4, 5], milliseconds: 8, rounds: [(0, 0), (0, 0), (0, 0), (0, 0)], answer: " 2\n"),
    reply([1, 2, 3], milliseconds: 4, rounds: [(0, 0), (0, 0)], answer: "8"),
  ]

  /// Twice as fast on the first prompt, slower on the second.
  static func result(
    _ speculation: Speculation = .mtp(depth: 2), secondTokens: [Int32] = [1, 2, 3]
  ) -> SettingResult {
    SettingResult(
      setting: ReportSetting(speculation: speculation, thinking: .slow),
      replies: [
        reply([1, 2, 3, 4, 5], milliseconds: 4, rounds: [(2, 2), (2, 0)], phase: .thinking, answer: "2"),
        reply(secondTokens, milliseconds: 5, rounds: [(2, 1)], answer: "8"),
      ],
      plain: plain)
  }

  static let costs = CostMeasurement(
    forwards: [
      ForwardCost(rows: 1, milliseconds: 1), ForwardCost(rows: 2, milliseconds: 1.2),
      ForwardCost(rows: 3, milliseconds: 1.4), ForwardCost(rows: 5, milliseconds: 2),
    ], draftMilliseconds: 0.1)

  static func report(
    _ results: [SettingResult], prompts: [ReportPrompt] = prompts, synthetic: [Double]? = nil,
    probes: [DraftHeadProbe] = []
  ) -> AcceptanceReport {
    AcceptanceReport(
      model: "<img src=x onerror=alert(1)>", weights: "bf16", isa: "scalar", threads: 2,
      options: AcceptanceOptions(
        speculations: results.map(\.setting.speculation), thinking: [.slow], syntheticAcceptance: synthetic),
      prompts: prompts, results: results, costs: costs, probes: probes)
  }
}
