import Decoding
import Foundation
import FusionSpec
import Testing

@testable import FusionSpecCLI

/// Drafts that share the target's noise, beside what theory promises of them.
struct CouplingTests {
  @Test
  func `two distributions give distance, bound and greedy share`() {
    let coupling = DraftCoupling(target: [0.5, 0.3, 0.2], draft: [0.1, 0.6, 0.3])
    #expect(abs(coupling.totalVariation - 0.4) < 1e-6)
    #expect(abs(coupling.oneMinusTotalVariation - 0.6) < 1e-6)
    #expect(abs(coupling.bound - 0.6 / 1.4) < 1e-6)
    #expect(abs(coupling.greedyDraft - 0.3) < 1e-6)
    let same = DraftCoupling(target: [0.25, 0.75], draft: [0.25, 0.75])
    #expect(same.bound == 1 && same.totalVariation == 0)
    let apart = DraftCoupling(target: [1, 0], draft: [0, 1])
    #expect(apart.bound == 0 && apart.greedyDraft == 0)
  }

  @Test
  func `only first drafts of a round count`() throws {
    // Undrafted; a round of two accepted and its bonus token; a round whose first draft is wrong; one whose second is.
    let fates: [TokenFate] = [
      .undrafted, .accepted, .accepted, .undrafted, .corrected, .accepted, .corrected,
    ]
    let reply = ReplyMeasurement(
      tokens: Array(repeating: 1, count: fates.count), fates: fates, decodeMilliseconds: 1)
    let sure = DraftCoupling(target: [1, 0], draft: [1, 0])
    let unsure = DraftCoupling(target: [0.5, 0.5], draft: [0, 1])
    let found: [DraftCoupling?] = [nil, sure, unsure, unsure, unsure, sure, unsure]
    let summary = try #require(CouplingSummary(replies: [reply], couplings: [found]))
    #expect(summary.positions == 3)
    #expect(abs(summary.measured - 2.0 / 3) < 1e-12)
    #expect(abs(summary.oneMinusTotalVariation - 2.5 / 3) < 1e-12)
    #expect(abs(summary.bound - (2 + 1.0 / 3) / 3) < 1e-12)
    #expect(abs(summary.greedyDraft - 2.5 / 3) < 1e-12)
    #expect(CouplingSummary(replies: [reply], couplings: [[]]) == nil)
    #expect(CouplingSummary(replies: [], couplings: []) == nil)
  }

  private func stories(_ count: Int) throws -> [ReportPrompt] {
    struct Line: Decodable {
      let id: String
      let prompt: String
    }
    let file = Command.root.appending(path: "Samples/Abacus/evaluation/stories.jsonl")
    return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").prefix(count).map {
      let line = try JSONDecoder().decode(Line.self, from: Data($0.utf8))
      return ReportPrompt(id: line.id, prompt: .user(line.prompt))
    }
  }

  @Test(arguments: [
    SamplingOptions(temperature: 0.8, seed: 3),
    SamplingOptions(temperature: 1, topK: 30, topP: 0.95, repetitionPenalty: 1.1, seed: 5),
  ])
  func `acceptance is at least what the coupling promises`(_ sampling: SamplingOptions) throws {
    let model = try LanguageModel(
      contentsOf: Command.root.appending(path: "Samples/Abacus"), options: ModelOptions(threadCount: 2))
    let runner = try AcceptanceRunner(
      model: model, prompts: try stories(40),
      options: AcceptanceOptions(
        speculations: [.mtp(depth: 1), .mtp(depth: 3), .lookup(depth: 3), .automatic], maximumTokens: 96,
        sampling: sampling, batch: 8))
    let report = try runner.run()
    #expect(report.isIdentical == true)
    #expect(report.results[2].coupling == nil)
    for result in report.results.prefix(2) {
      let coupling = try #require(result.coupling)
      #expect(coupling.positions > 400)
      let rates = result.summary(report.prompts).counters.acceptancePerPosition
      #expect(abs(coupling.measured - (rates.first ?? 0)) < 0.01, "\(coupling.measured), \(rates)")
      // Four standard deviations of a share of this many draws.
      let error = 4 * (coupling.bound * (1 - coupling.bound) / Double(coupling.positions)).squareRoot()
      #expect(coupling.measured >= coupling.bound - error, "\(coupling)")
      #expect(coupling.measured <= coupling.oneMinusTotalVariation + error, "\(coupling)")
      #expect(coupling.bound < coupling.oneMinusTotalVariation)
      // A head that is of use, and a text that is not certain.
      #expect((0.2..<0.999).contains(coupling.bound), "\(coupling)")
    }
    let line = try #require(AcceptanceTable.describeCoupling(report.results[0]))
    #expect(line.contains("1-TV"))
    #expect(AcceptancePage(report, samples: []).html.contains("limit: 1−TV"))
    let document = AcceptanceDocument(report).document.line()
    let members = try JSONSerialization.jsonObject(with: Data(document.utf8)) as? [String: Any]
    let settings = try #require(members?["settings"] as? [[String: Any]])
    let written = try #require(settings[0]["coupling"] as? [String: Any])
    #expect(Set(written.keys) == ["measured", "bound", "one_minus_tv", "greedy_draft", "positions"])
    #expect(settings[2]["coupling"] is NSNull)
  }
}
