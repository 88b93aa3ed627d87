import ArgumentParser
import Decoding
import Foundation
import FusionSpec
import Testing

@testable import FusionSpecCLI

/// What `acceptance` prints and writes, and how it reads its options.
struct AcceptanceOutputTests {
  private func members(_ report: AcceptanceReport) throws -> [String: Any] {
    let line = AcceptanceDocument(report).document.line()
    return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
  }

  @Test
  func `document has the keys of the contract`() throws {
    let document = try members(Fixture.report([Fixture.result(), Fixture.result(.automatic)]))
    #expect(document["schema"] as? String == "fusionspec.acceptance/1")
    #expect(document["identical"] as? Bool == true)
    #expect(document["synthetic"] as? Bool == false)
    for key in ["model", "weights", "threads", "prompts", "settings", "cost_curve"] {
      #expect(document[key] != nil, "\(key)")
    }
    let settings = try #require(document["settings"] as? [[String: Any]])
    let shared = [
      "speedup", "slowest_prompt_ratio", "tokens_per_second", "plain_tokens_per_second", "acceptance_rate",
      "mean_acceptance_length", "acceptance_per_position", "mean_tokens", "accuracy",
    ]
    for setting in settings {
      for key in shared + [
        "speculation", "depth", "thinking", "temperature", "batch", "by_category", "by_phase",
      ] {
        #expect(setting[key] != nil, "\(key)")
      }
      let categories = try #require(setting["by_category"] as? [String: [String: Any]])
      #expect(Set(categories.keys) == ["sums", "a \"b\" & <c>"])
      for category in categories.values { for key in shared { #expect(category[key] != nil, "\(key)") } }
      let phases = try #require(setting["by_phase"] as? [String: [String: Any]])
      #expect(Set(phases.keys) == ["thinking", "answer"])
      #expect(phases["answer"]?["num_drafts"] as? Int == 1)
    }
    #expect(settings[0]["depth"] as? Int == 2)
    #expect(settings[1]["depth"] is NSNull)
    let predicted = try #require(settings[0]["predicted_speedup"] as? Double)
    #expect(abs(predicted - 2 / 1.6) < 1e-5)
    let curve = try #require(document["cost_curve"] as? [[String: Any]])
    #expect(curve.first?["relative_cost"] as? Double == 1)
    #expect(curve.last?["rows"] as? Int == 5)
    #expect(curve.last?["ms"] as? Double == 2)
  }

  @Test
  func `forced acceptance is marked and not compared`() throws {
    let report = Fixture.report([Fixture.result(secondTokens: [9, 9, 9])], synthetic: [0.9, 0.5])
    let document = try members(report)
    #expect(document["synthetic"] as? Bool == true)
    #expect(document["identical"] is NSNull)
    #expect(document["synthetic_acceptance"] as? [Double] == [0.9, 0.5])
    try Acceptance.check(report)
    #expect(AcceptancePage(report, samples: []).html.contains("Acceptance was forced"))
  }

  @Test
  func `differing ids end with status one`() throws {
    let report = Fixture.report([Fixture.result(), Fixture.result(.automatic, secondTokens: [1, 2, 4])])
    #expect(try members(report)["identical"] as? Bool == false)
    let error = try #require(throws: CommandError.self) { try Acceptance.check(report) }
    #expect(error.exitStatus == 1)
    #expect(error.description.contains("auto, slow thinking: 1 of 2 prompts (b)"))
    #expect(AcceptancePage(report, samples: []).html.contains("Token ids differ"))
    try Acceptance.check(Fixture.report([Fixture.result()]))
  }

  @Test
  func `page escapes hostile text`() {
    var prompts = Fixture.prompts
    prompts[0].id = "\"><svg onload=alert(1)>"
    prompts[0].category = "<b>bold</b>\u{0}\u{1B}"
    let hostile = "</span><script>alert('x')</script>&amp;"
    let sample = FateSample(
      title: hostile, question: hostile,
      pieces: [
        FateSample.Piece(text: hostile, phase: .thinking, fate: .accepted),
        FateSample.Piece(text: hostile, phase: .answer, fate: .corrected),
        FateSample.Piece(text: hostile, phase: .answer, fate: .undrafted),
      ])
    let probe = DraftHeadProbe(head: [], main: [])
    let report = Fixture.report(
      [Fixture.result(), Fixture.result(.automatic, secondTokens: [7])], prompts: prompts, probes: [probe])
    let html = AcceptancePage(report, samples: [sample]).html
    for forbidden in [
      "<script", "<img", "<svg onload", "<b>bold", "\u{0}", "\u{1B}", "http:", "https:", "url(",
    ] {
      #expect(!html.contains(forbidden), "\(forbidden.debugDescription)")
    }
    #expect(html.contains("&lt;/span&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;amp;"))
  }

  @Test
  func `page survives empty results`() {
    let empty = SettingResult(setting: ReportSetting(speculation: .automatic), replies: [], plain: [])
    var report = Fixture.report([empty], prompts: [])
    report.costs = CostMeasurement(forwards: [], draftMilliseconds: 0)
    report.options.thinking = [nil]
    #expect(AcceptancePage(report, samples: []).html.hasSuffix("</html>\n"))
  }

  @Test
  func `depth lists are read`() throws {
    let list = try #require(DepthList(argument: "off,1,8,auto,lookup"))
    #expect(list.speculations == [.off, .mtp(depth: 1), .mtp(depth: 8), .automatic, .lookup(depth: 5)])
    for wrong in ["", "0", "9", "1,,2", "1,1", "auto ", "deep"] {
      #expect(DepthList(argument: wrong) == nil, "\(wrong)")
    }
    #expect(ThinkingList(argument: "fast,slow")?.modes == [.fast, .slow])
    #expect(ThinkingList(argument: "fast,quick") == nil)
    #expect(AcceptanceRates(argument: "0.9,0.8")?.values == [0.9, 0.8])
    for wrong in ["", "1.1", "-0.1", "nan", "0.5,,0.5", "1,1,1,1,1,1,1,1,1"] {
      #expect(AcceptanceRates(argument: wrong) == nil, "\(wrong)")
    }
  }

  @Test(arguments: [
    ["--limit", "0"], ["--repetitions", "0"], ["--batch", "0"], ["--raw", "--thinking", "slow"],
    ["--depths", "none"],
    ["--max-tokens", "0"], ["--temperature=-1"],
  ])
  func `wrong options are usage errors`(_ options: [String]) {
    let error = #expect(throws: (any Error).self) {
      try FusionSpecCommand.parseAsRoot(["acceptance", "--prompts", "x.jsonl"] + options)
    }
    if let error { #expect(FusionSpecCommand.exitCode(for: error).rawValue == 64) }
  }

  @Test
  func `scales have round ticks`() {
    #expect(
      LinearScale(values: 0...1, places: (0, 10)).ticks().map { ($0 * 10).rounded() / 10 } == [
        0, 0.2, 0.4, 0.6, 0.8, 1,
      ])
    #expect(LinearScale(values: 0...0, places: (0, 10)).ticks() == [0])
    let scale = LinearScale(values: 0...2, places: (100, 0))
    #expect(scale(1) == 50)
    #expect(scale(9) == 0)
  }
}
