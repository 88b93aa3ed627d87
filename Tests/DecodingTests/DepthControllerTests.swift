import Testing

@testable import Decoding

struct DepthControllerTests {
  /// Forwards whose third row is dear and whose fourth and fifth are nearly free, as where a tile of rows begins.
  private func controller(tokenNanoseconds: Double, pass: Double = 1) -> DepthController {
    var controller = DepthController(maximumRows: 16)
    for (rows, time) in [(1, 100.0), (2, 160), (3, 260), (4, 270), (5, 280), (6, 500), (7, 720)] {
      controller.recordMain(rows: rows, nanoseconds: time)
    }
    controller.recordHead(rows: 1, nanoseconds: pass)
    controller.recordStep(phase: .answer, nanoseconds: tokenNanoseconds, tokens: 1)
    return controller
  }

  @Test
  func `a dear row is paid for by those behind it`() {
    let controller = controller(tokenNanoseconds: 70)
    let best = controller.bestPrefix([0.95, 0.9, 0.85, 0.8], phase: .answer, rows: 1)
    #expect(best.count == 4)
    #expect(abs(best.value - (3.5 * 70 - 180)) < 1e-9)
    // Two drafts alone would be a loss, and one brings less.
    #expect(controller.bestPrefix([0.95, 0.9], phase: .answer, rows: 1).count == 1)
  }

  @Test
  func `drafts that promise less than their rows cost are left out`() {
    let controller = controller(tokenNanoseconds: 70)
    #expect(controller.bestPrefix([0.3, 0.2, 0.1, 0.05], phase: .answer, rows: 1) == (0, 0))
    #expect(controller.bestPrefix([], phase: .answer, rows: 1) == (0, 0))
    #expect(controller.bestPrefix([1, 1, 1, 1, 1], phase: .answer, rows: 1).count == 4)
  }

  @Test
  func `the head is asked again where a deeper prospect pays`() {
    let controller = controller(tokenNanoseconds: 70)
    func wants(_ survivals: [Double], rate: Double, limit: Int = 8) -> Bool {
      controller.wantsDeeper(
        survivals, rate: rate, phase: .answer, rows: 1, sharing: 1, limit: limit)
    }
    #expect(wants([0.95], rate: 0.95))
    #expect(!wants([0.95], rate: 0.95, limit: 2))
    #expect(!wants([0.95], rate: 0.3))
    #expect(!wants([0.95, 0.9, 0.85, 0.8], rate: 0.99))
    #expect(!wants([0.95], rate: .nan))
  }

  @Test
  func `a dear head is not asked`() {
    let controller = controller(tokenNanoseconds: 70, pass: 60)
    #expect(!controller.wantsDeeper([0.95], rate: 0.95, phase: .answer, rows: 1, sharing: 1, limit: 8))
  }

  @Test
  func `each phase has a pace of its own`() {
    var controller = controller(tokenNanoseconds: 70)
    controller.recordStep(phase: .thinking, nanoseconds: 40, tokens: 4)
    #expect(controller.timePerToken(.thinking) == 10)
    #expect(controller.timePerToken(.answer) == 70)
    #expect(controller.bestPrefix([1, 1, 1, 1], phase: .thinking, rows: 1).count == 0)
  }

  @Test
  func `what follows a sure draft is learned`() {
    var model = AcceptanceModel()
    #expect(model.rate(after: 0.99, phase: .answer) > 0.9)
    for _ in 0..<100 { model.recordFollowing(0.99, phase: .answer, rate: 0) }
    #expect(model.rate(after: 0.99, phase: .answer) < 0.05)
    #expect(model.rate(after: 0.99, phase: .thinking) > 0.9)
    #expect(model.rate(after: .nan, phase: .thinking) < 0.1)
  }
}
