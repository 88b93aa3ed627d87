import Testing

@testable import Decoding

@Suite
struct ExpertUnionTests {
  /// Forwards of 1 and 4 rows, those of 4 with 20 or 30 experts at 100 ns each.
  private func trained() -> ExpertUnion {
    var union = ExpertUnion(maximumRows: 8)
    union.record(rows: 1, experts: 10, excess: 0)
    union.record(rows: 4, experts: 25, excess: 0)
    for round in 0..<100 {
      let isScattered = round % 2 == 0
      union.record(rows: 4, experts: isScattered ? 30 : 20, excess: isScattered ? 500 : -500)
    }
    return union
  }

  @Test
  func `what an expert costs is learned from forwards of the same size`() {
    let union = trained()
    #expect(abs(union.nanosecondsPerExpert - 100) < 5)
    #expect(abs((union.mean(rows: 4) ?? 0) - 25) < 1)
    #expect(union.mean(rows: 3) == nil)
    #expect(union.mean(rows: 99) == nil)
  }

  @Test
  func `rows that scatter cost more, rows that agree less`() {
    var union = trained()
    for _ in 0..<10 { union.record(rows: 4, experts: 30, excess: 500) }
    let scattered = union.surcharge(rows: 1, extra: 3, usual: 10_000)
    #expect(scattered > 200 && scattered < 700)
    #expect(union.surcharge(rows: 1, extra: 3, usual: 100) <= 100)
    for _ in 0..<10 { union.record(rows: 4, experts: 20, excess: -500) }
    let agreed = union.surcharge(rows: 1, extra: 3, usual: 10_000)
    #expect(agreed < -200 && agreed > -700)
    #expect(union.surcharge(rows: 1, extra: 3, usual: 100) >= -100)
    #expect(union.surcharge(rows: 1, extra: 2, usual: 100) == 0)
  }

  @Test
  func `a model without experts and odd numbers of rows change nothing`() {
    var union = ExpertUnion(maximumRows: 4)
    for rows in [0, 1, 2, 4, 5, 900] { union.record(rows: rows, experts: 0, excess: 1e9) }
    union.record(rows: 900, experts: 7, excess: 1e9)
    #expect(union.surcharge(rows: 1, extra: 3, usual: 10) == 0)
    #expect(union.nanosecondsPerExpert == 0)
  }

  @Test
  func `fewer drafts are verified where rows scatter`() {
    func depth(experts: Int, excess: Double) -> Int {
      var controller = DepthController(maximumRows: 8)
      controller.recordMain(rows: 1, nanoseconds: 1000, experts: 10)
      for rows in 2...4 {
        controller.recordMain(rows: rows, nanoseconds: 1000 + 900 * Double(rows - 1), experts: 10 + 5 * rows)
      }
      controller.recordStep(phase: .answer, nanoseconds: 1000, tokens: 1)
      for round in 0..<200 {
        let isScattered = round % 2 == 0
        controller.recordMain(
          rows: 4, nanoseconds: isScattered ? 4200 : 3200, experts: isScattered ? 35 : 25)
      }
      for _ in 0..<6 { controller.recordMain(rows: 4, nanoseconds: 3700 + excess, experts: experts) }
      return controller.bestPrefix([0.97, 0.95, 0.9], phase: .answer, rows: 1).count
    }
    #expect(depth(experts: 36, excess: 500) < depth(experts: 24, excess: -500))
  }
}
