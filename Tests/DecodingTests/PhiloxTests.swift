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
}
