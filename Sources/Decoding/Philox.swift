import Foundation

/// Philox4x32-10, a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
///
/// Four words are a pure function of key and counter, so a draw at a position never depends on earlier draws and nothing
/// has to be rolled back when drafts are rejected.
struct Philox {
  private let key: (UInt32, UInt32)

  init(seed: UInt64) {
    key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
  }

  /// The four words of a counter.
  func words(_ counter: SIMD4<UInt32>) -> SIMD4<UInt32> {
    var state = counter
    var (key0, key1) = key
    for _ in 0..<10 {
      let product0 = UInt64(state[0]) * 0xD251_1F53
      let product1 = UInt64(state[2]) * 0xCD9E_8D57
      state = SIMD4(
        UInt32(truncatingIfNeeded: product1 >> 32) ^ state[1] ^ key0, UInt32(truncatingIfNeeded: product1),
        UInt32(truncatingIfNeeded: product0 >> 32) ^ state[3] ^ key1, UInt32(truncatingIfNeeded: product0))
      key0 &+= 0x9E37_79B9
      key1 &+= 0xBB67_AE85
    }
    return state
  }

  /// Standard Gumbel noise of a token at a position: -ln(-ln(u)), u uniform in (0, 1).
  func gumbel(token: Int, position: Int) -> Float {
    Self.gumbel(words(tokenBlock: token >> 2, position: position)[token & 3])
  }

  /// The words of tokens 4 * tokenBlock ... 4 * tokenBlock + 3 at a position.
  func words(tokenBlock: Int, position: Int) -> SIMD4<UInt32> {
    words(
      SIMD4(
        UInt32(truncatingIfNeeded: tokenBlock), UInt32(truncatingIfNeeded: position),
        UInt32(truncatingIfNeeded: position >> 32), 0))
  }

  /// The noise that a word stands for.
  static func gumbel(_ word: UInt32) -> Float {
    let uniform = (Double(word) + 0.5) * 0x1p-32
    return Float(-log(-log(uniform)))
  }

  /// A number that `gumbel(word)` does not exceed, without a logarithm: since -ln u >= 1 - u, the noise is at most
  /// -ln(1 - u), and 1 - u is at least 2 to the power of -1 - (leading zeros of its word).
  static func gumbelBound(_ word: UInt32) -> Float { Float((~word).leadingZeroBitCount + 1) * 0.69315 + 1e-5 }

  /// No noise is greater: -ln(-ln(1 - 2^-33)).
  static let greatestGumbel: Float = 22.88
}
