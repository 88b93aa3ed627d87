import Decoding
import FusionSpec
import Testing

@testable import FusionSpecCLI

/// Rates, medians, ratios and predictions on results made by hand.
struct AcceptanceSummaryTests {
  @Test
  func `speeds come from summed times`() throws {
    let summary = Fixture.result().summary(Fixture.prompts)
    #expect(try #require(summary.speedup) == 12.0 / 9)
    // The first token of each reply belongs to the prompt: 4 + 2 tokens in 9 and 12 ms.
    #expect(abs(try #require(summary.tokensPerSecond) - 6000.0 / 9) < 1e-9)
    #expect(abs(try #require(summary.plainTokensPerSecond) - 500) < 1e-9)
    #expect(summary.ratios.map { $0 ?? 0 } == [2, 0.8])
    #expect(try #require(summary.slowestPromptRatio) == 0.8)
    #expect(summary.meanTokens == 4)
    #expect(summary.meanMilliseconds == 5.5)
    #expect(summary.plainMeanMilliseconds == 7)
  }

  @Test
  func `counters are added by phase and position`() throws {
    let summary = Fixture.result().summary(Fixture.prompts)
    #expect(summary.counters.draftCount == 3)
    #expect(summary.counters.acceptanceRate == 0.5)
    #expect(summary.counters.meanAcceptanceLength == 2)
    #expect(summary.counters.acceptancePerPosition == [2.0 / 3, 1.0 / 3])
    #expect(try #require(summary.countersByPhase[.thinking]).acceptedTokenCount == 2)
    #expect(try #require(summary.countersByPhase[.answer]).acceptedTokenCount == 1)
    #expect(summary.depthHistogram == [0, 0, 3, 0, 0, 0, 0, 0, 0])
  }

  @Test
  func `accuracy ignores white space at the ends`() {
    #expect(Fixture.result().summary(Fixture.prompts).accuracy == 0.5)
    var unanswered = Fixture.prompts
    for place in unanswered.indices { unanswered[place].answer = nil }
    #expect(Fixture.result().summary(unanswered).accuracy == nil)
  }

  @Test
  func `categories keep their order and their own numbers`() {
    let categories = Fixture.result().summariesByCategory(Fixture.prompts)
    #expect(categories.map(\.category) == ["sums", "a \"b\" & <c>"])
    #expect(categories.map { $0.summary.speedup ?? 0 } == [2, 0.8])
    #expect(categories.map { $0.summary.promptCount } == [1, 1])
  }

  @Test
  func `whole set times decide in a batch`() {
    var result = Fixture.result()
    result.setMilliseconds = 10
    result.plainSetMilliseconds = 15
    let summary = result.summary(Fixture.prompts)
    #expect(summary.speedup == 1.5)
    #expect(summary.tokensPerSecond == 800)
  }

  @Test
  func `replies too short to time have no ratio`() {
    let one = Fixture.reply([1], milliseconds: 0.002)
    let summary = SettingSummary(replies: [one], plain: [one], answers: [nil])
    #expect(summary.speedup == nil)
    #expect(summary.slowestPromptRatio == nil)
    #expect(summary.tokensPerSecond == nil)
  }

  @Test
  func `repetitions become medians`() throws {
    let runs = [9.0, 3, 4].map { Fixture.reply([1, 2], milliseconds: $0, rounds: [(1, 1)]) }
    let merged = try #require(ReplyMeasurement(merging: runs))
    #expect(merged.decodeMilliseconds == 4)
    #expect(merged.isStable)
    #expect(merged.countersByPhase[.answer]?.draftCount == 3)
    let unstable = try #require(ReplyMeasurement(merging: runs + [Fixture.reply([1, 3], milliseconds: 1)]))
    #expect(!unstable.isStable)
    #expect(ReplyMeasurement(merging: []) == nil)
  }

  @Test
  func `predictions follow the formula`() throws {
    let rates = [0.8, 0.5]
    let one = try #require(SpeedPrediction(depth: 1, acceptancePerPosition: rates, costs: Fixture.costs))
    #expect(abs(one.speedup - 1.8 / (1.2 + 0.1)) < 1e-12)
    let two = try #require(SpeedPrediction(depth: 2, acceptancePerPosition: rates, costs: Fixture.costs))
    #expect(abs(two.speedup - 2.3 / (1.4 + 0.2)) < 1e-12)
    #expect(SpeedPrediction(depth: 3, acceptancePerPosition: rates, costs: Fixture.costs) == nil)
    #expect(SpeedPrediction(depth: 1, acceptancePerPosition: rates, costs: Fixture.costs, batch: 4) == nil)
    // Two sequences: T(2) plain, T(4) = 1.7 between its neighbours.
    let pair = try #require(
      SpeedPrediction(depth: 1, acceptancePerPosition: rates, costs: Fixture.costs, batch: 2))
    #expect(abs(pair.speedup - 1.8 * 1.2 / (1.7 + 0.1)) < 1e-12)
  }

  @Test
  func `probe tells unrelated heads from good ones`() {
    let main = (0..<40).map { Int32($0 % 20) }
    #expect(!DraftHeadProbe(head: main, main: main).isNearChance)
    let shifted = main.map { ($0 + 1) % 20 }
    let unrelated = DraftHeadProbe(head: shifted, main: main)
    #expect(unrelated.agreement == 0)
    #expect(abs(unrelated.chance - 0.05) < 1e-12)
    #expect(unrelated.isNearChance)
    // A head that always says the commonest token, of a text that is often that token.
    let common = main.map { $0 < 4 ? Int32(7) : $0 }
    #expect(DraftHeadProbe(head: main.map { _ in 7 }, main: common).isNearChance)
    // A model that repeats itself is predicted rightly.
    #expect(!DraftHeadProbe(head: main.map { _ in 7 }, main: main.map { _ in 7 }).isNearChance)
    #expect(!DraftHeadProbe(head: [1], main: [2]).isNearChance)
  }

  @Test
  func `warning needs many useless rounds`() {
    var counters = SpeculationCounters()
    for _ in 0..<23 { counters.record(drafted: 1, accepted: 0) }
    #expect(!DraftHeadWarning.looksUseless(counters))
    counters.record(drafted: 0, accepted: 0)
    #expect(DraftHeadWarning.looksUseless(counters))
    counters.record(drafted: 3, accepted: 3)
    #expect(!DraftHeadWarning.looksUseless(counters))
  }
}
