import Testing

@testable import Decoding

@Suite
struct DraftRankingTests {
  @Test
  func `the best drafts of all sequences come first and stay prefixes`() {
    var ranking = DraftRanking()
    for value in [9.0, 5, 1] { ranking.insert(value: value, plan: 0) }
    for value in [8.0, 5, 4] { ranking.insert(value: value, plan: 1) }
    #expect((0...6).map { ranking.share(ofPlan: 0, among: $0) } == [0, 1, 1, 2, 2, 2, 3])
    #expect((0...6).map { ranking.share(ofPlan: 1, among: $0) } == [0, 0, 1, 1, 2, 3, 3])
    #expect(ranking.share(ofPlan: 7, among: 6) == 0)
  }

  @Test
  func `as many are taken as pay together`() {
    var ranking = DraftRanking()
    for value in [9.0, 5, 1] { ranking.insert(value: value, plan: 0) }
    #expect(ranking.bestCount { 2 * Double($0) } == 2)
    #expect(ranking.bestCount { 20 * Double($0) } == 0)
    // The first two alone do not pay, with the third they do.
    #expect(ranking.bestCount { $0 < 3 ? 20 : 14 } == 3)
    ranking.removeAll()
    #expect(ranking.bestCount { _ in -1 } == 0)
  }
}
