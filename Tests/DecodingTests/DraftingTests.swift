import Testing

@testable import Decoding

struct DraftingTests {
  @Test
  func `prompt lookup finds the longest earlier match`() throws {
    var lookup = PromptLookup(capacity: 64)
    let text: [Int32] = [9, 1, 2, 3, 4, 5, 7, 2, 3, 8, 1, 2, 3]
    let found = lookup.longestMatch(text)
    let match = try #require(found)
    #expect(match.length == 3)
    #expect(text[match.next] == 4)
  }

  @Test
  func `prompt lookup grows with the text`() throws {
    var lookup = PromptLookup(capacity: 64)
    var text: [Int32] = [5, 6]
    let first = lookup.longestMatch(text)
    #expect(first == nil)
    for token: Int32 in [7, 8, 5, 6] {
      text.append(token)
      let early = lookup.longestMatch(text)
      if text.count < 6 { #expect(early == nil) }
    }
    let found = lookup.longestMatch(text)
    let match = try #require(found)
    #expect(match.length == 2)
    #expect(match.next == 2)
  }

  @Test
  func `a cost curve interpolates and resists outliers`() {
    var curve = CostCurve(maximumRows: 16)
    curve.record(rows: 1, nanoseconds: 100)
    curve.record(rows: 3, nanoseconds: 140)
    #expect(curve.time(2) == 120)
    #expect(curve.time(5) == 180)
    for _ in 0..<3 { curve.record(rows: 1, nanoseconds: 100_000) }
    #expect(curve.time(1) < 110)
  }

  @Test
  func `more rows never take less`() {
    var curve = CostCurve(maximumRows: 16)
    for (rows, time) in [(1, 100.0), (2, 500), (4, 200), (8, 300)] {
      curve.record(rows: rows, nanoseconds: time)
    }
    #expect(curve.time(1) == 100)
    #expect(curve.time(2) == 200)
    #expect(curve.time(3) == 200)
    #expect(curve.time(6) == 250)
    // No row is free.
    #expect(curve.marginal(rows: 2, extra: 2) == 16)
    for _ in 0..<50 { curve.record(rows: 8, nanoseconds: 150) }
    #expect(abs(curve.time(4) - 150) < 1)
    #expect(curve.time(1) == 100)
    for _ in 0..<2000 { curve.record(rows: 8, nanoseconds: 400) }
    #expect(curve.time(4) == 200)
  }

  @Test
  func `drafting pauses when it never pays and probes rarely`() {
    var utility = DraftUtility()
    var attempts = 0
    for _ in 0..<1000 where utility.wantsDraft() {
      attempts += 1
      utility.record(-1)
    }
    #expect(attempts >= 5)
    #expect(attempts <= 20)
    #expect(utility.isPaused)
    var waited = 0
    while !utility.wantsDraft() { waited += 1 }
    #expect(waited > 20)
    utility.record(10)
    #expect(!utility.isPaused)
  }

  @Test
  func `acceptance is learned by confidence`() {
    var model = AcceptanceModel()
    let sure = AcceptanceModel.Evidence.headProbability(0.95)
    let unsure = AcceptanceModel.Evidence.headProbability(0.1)
    #expect(model.rate(sure, position: 0, phase: .answer) > 0.9)
    for _ in 0..<100 { model.record(sure, position: 0, phase: .answer, isAccepted: false) }
    #expect(model.rate(sure, position: 0, phase: .answer) < 0.1)
    #expect(model.rate(sure, position: 0, phase: .thinking) > 0.9)
    #expect(model.rate(unsure, position: 0, phase: .answer) < 0.2)
  }

  @Test
  func `counters follow the definitions`() {
    var counters = SpeculationCounters()
    counters.record(drafted: 3, accepted: 2)
    counters.record(drafted: 3, accepted: 0)
    counters.record(drafted: 0, accepted: 0)
    #expect(counters.draftCount == 2)
    #expect(counters.plainSteps == 1)
    #expect(counters.acceptanceRate == 2.0 / 6)
    #expect(counters.meanAcceptanceLength == 2)
    #expect(Array(counters.draftedPerPosition.prefix(4)) == [2, 2, 2, 0])
    #expect(Array(counters.acceptedPerPosition.prefix(4)) == [1, 1, 0, 0])
  }

  @Test
  func `thinking is closed at the budget and for the answer's sake`() {
    var state = ThinkingState(
      ThinkingOptions(openToken: 7, closeToken: 8, budget: 2), maximumTokens: 100)
    #expect(state.forcedToken == nil)
    for token: Int32 in [7, 1, 2] { state.advance(token) }
    #expect(state.forcedToken == 8)
    state.advance(8)
    #expect(state.forcedToken == nil)
    #expect(state.phase == .answer)
    #expect(state.thinkingTokens == 2)

    var reserved = ThinkingState(
      ThinkingOptions(openToken: 7, closeToken: 8, answerReserve: 4), maximumTokens: 10)
    for token: Int32 in [7, 1, 2, 3] { reserved.advance(token) }
    #expect(reserved.forcedToken == nil)
    reserved.advance(4)
    #expect(reserved.forcedToken == 8)
  }

  @Test
  func `a bridge is forced in front of the marker and counts as no thought`() {
    let options = ThinkingOptions(openToken: 7, closeToken: 8, budget: 1, bridgeTokens: [20, 21])
    var state = ThinkingState(options, maximumTokens: 100)
    for token: Int32 in [7, 1] { state.advance(token) }
    for token: Int32 in [20, 21, 8] {
      #expect(state.forcedToken == token)
      #expect(!state.isAnswerDue)
      #expect(state.advance(token) == .thinking)
    }
    #expect(state.isAnswerDue)
    #expect(state.thinkingTokens == 1)
    state.advance(5)
    #expect(!state.isAnswerDue)
    // Thoughts that are opened again have nothing left.
    state.advance(7)
    #expect(state.forcedToken == 20)

    var natural = ThinkingState(options, maximumTokens: 100)
    for token: Int32 in [7, 8] { natural.advance(token) }
    #expect(!natural.isAnswerDue)

    // A wrong draft in the place of a forced token is followed without trouble: it will be rejected.
    var drafted = ThinkingState(options, maximumTokens: 100)
    for token: Int32 in [7, 1, 99, 20] { drafted.advance(token) }
    #expect(drafted.forcedToken == 21)
  }

  @Test
  func `thoughts that are opened late keep the answer and lose the bridge`() {
    let options = ThinkingOptions(
      openToken: 7, closeToken: 8, answerReserve: 2, bridgeTokens: [20, 21, 22])
    var late = ThinkingState(options, maximumTokens: 10)
    for token: Int32 in [1, 2, 3, 4, 7] { late.advance(token) }
    #expect(late.forcedToken == 8)
    var early = ThinkingState(options, maximumTokens: 10)
    for token: Int32 in [1, 2, 3, 7] { early.advance(token) }
    #expect(early.forcedToken == 20)
  }
}
