import Tensors
import Testing

@testable import Decoding

/// The known-answer vectors published with Random123 for philox4x32-10.
struct PhiloxTests {
  @Test
  func `words equal the published vectors`() {
    #expect(
      Philox(seed: 0).words(SIMD4(0, 0, 0, 0)) == SIMD4(0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8))
    #expect(
      Philox(seed: .max).words(SIMD4(repeating: .max))
        == SIMD4(0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD))
    #expect(
      Philox(seed: 0x299F_31D0_A409_3822).words(SIMD4(0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344))
        == SIMD4(0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1))
  }

  @Test
  func `the bound on the noise holds`() {
    var word: UInt32 = 0
    for _ in 0..<20_000 {
      #expect(Philox.gumbel(word) <= Philox.gumbelBound(word))
      word &+= 214_750
    }
    for word: UInt32 in [.max, .max - 1, .max - 2, 1 << 31, 0] {
      #expect(Philox.gumbel(word) <= Philox.gumbelBound(word))
      #expect(Philox.gumbel(word) <= Philox.greatestGumbel)
    }
  }

  /// A draw over many tokens, in one loop, as it is defined.
  private func plainDraw(
    _ logits: [Float], scale: Float, floor: Float, seed: UInt64, position: Int
  ) -> Int {
    let greatest = logits.max() ?? 0
    var winner = 0
    var winning = -Float.infinity
    for (token, logit) in logits.enumerated() where (logit - greatest) * scale >= floor {
      let value = (logit - greatest) * scale + Philox(seed: seed).gumbel(token: token, position: position)
      if value > winning {
        winning = value
        winner = token
      }
    }
    return winner
  }

  @Test(arguments: [1, 3, 4, 63, 64, 65, 200, 1408])
  func `draws by blocks equal the plain definition`(count: Int) {
    var generator = SystemRandomNumberGenerator()
    for spread: Float in [0, 0.5, 4, 30] {
      for round in 0..<200 {
        let logits = (0..<count).map { _ in Float.random(in: -spread...max(spread, 0), using: &generator) }
        let rows = SamplerTests.row(logits)
        let best = logits.firstIndex(of: logits.max() ?? 0) ?? 0
        let seed = generator.next()
        let position = round % 2 == 0 ? round : round + 5_000_000_000
        let floor: Float = round % 3 == 0 ? -1.5 : -.infinity
        let found = withExtendedLifetime(rows) {
          SamplingKernels.gumbelArgmax(
            rows.view, row: 0, best: best, scale: 1.25, floor: floor, key: seed, position: position)
        }
        let expected = plainDraw(logits, scale: 1.25, floor: floor, seed: seed, position: position)
        #expect(found == expected, "\(count) tokens, spread \(spread), seed \(seed), position \(position)")
      }
    }
  }

  @Test(arguments: [1, 2, 7, 40, 128])
  func `the best few are those of a stable sort`(count: Int) {
    var generator = SystemRandomNumberGenerator()
    var tokens: [Int32] = []
    var scaled: [Float] = []
    for size in [1, 15, 16, 17, 100, 1000, 5000] {
      for step: Float in [0, 0.25] {  // with many equal logits
        let logits = (0..<size).map { _ in
          let value = Float.random(in: -8...8, using: &generator)
          return step > 0 ? (value / step).rounded() * step : value
        }
        let greatest = logits.max() ?? 0
        let best = logits.firstIndex(of: greatest) ?? 0
        for floor: Float in [-.infinity, -3] {
          let rows = SamplerTests.row(logits)
          withExtendedLifetime(rows) {
            SamplingKernels.selectBest(
              rows.view, row: 0, count: count, best: best, scale: 0.5, floor: floor, tokens: &tokens,
              scaled: &scaled)
          }
          let expected = logits.indices.filter { (logits[$0] - greatest) * 0.5 >= floor }
            .sorted { (logits[$1], $0) < (logits[$0], $1) }.prefix(count)
          #expect(tokens.map(Int.init) == Array(expected))
          #expect(scaled == expected.map { (logits[$0] - greatest) * 0.5 })
        }
      }
    }
  }

  @Test func `the sum of a row is its sum`() {
    for size in [1, 15, 16, 17, 100] {
      let values = (0..<size).map { Float($0 % 7) }
      let rows = SamplerTests.row(values)
      let sum = withExtendedLifetime(rows) { SamplingKernels.sum(rows.view, row: 0) }
      #expect(sum == values.reduce(0, +))
    }
  }
}
