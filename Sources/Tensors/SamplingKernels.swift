import CKernels

/// What a draw from a row of logits costs most. The results are the same with every instruction set.
public enum SamplingKernels {
  /// The token with the greatest sum of scaled logit and standard Gumbel noise, the first among equals, over tokens whose
  /// scaled logit is at least `floor`. Token t has the scaled logit (logit(t) - logit(best)) * scale; its noise is that of word
  /// t % 4 of the Philox4x32-10 counter (t / 4, position, 0).
  ///
  /// - Parameters:
  ///   - best: The token of the greatest logit.
  ///   - key: Key of the generator.
  public static func gumbelArgmax(
    _ logits: FloatRows, row: Int, best: Int, scale: Float, floor: Float, key: UInt64, position: Int
  ) -> Int {
    let source = unsafe logits.row(row)
    precondition(source.indices.contains(best), "no such token")
    guard let base = source.baseAddress else { return best }
    return unsafe fs_gumbel_argmax(
      base, source.count, best, source[best], scale, floor, UInt32(truncatingIfNeeded: key),
      UInt32(truncatingIfNeeded: key >> 32), UInt64(bitPattern: Int64(position)))
  }

  /// The same over some tokens alone, at least one, which must stand in descending order of their logits.
  public static func gumbelArgmax(
    _ logits: FloatRows, row: Int, of tokens: [Int32], best: Int, scale: Float, key: UInt64, position: Int
  ) -> Int {
    let source = unsafe logits.row(row)
    precondition(source.indices.contains(best), "no such token")
    for token in tokens { precondition(source.indices.contains(Int(token)), "no such token") }
    guard let base = source.baseAddress, !tokens.isEmpty else { return best }
    return unsafe fs_gumbel_argmax_of(
      base, tokens, tokens.count, source[best], scale, UInt32(truncatingIfNeeded: key),
      UInt32(truncatingIfNeeded: key >> 32), UInt64(bitPattern: Int64(position)))
  }

  /// output = (logit - logit(best)) * scale, but -80, whose exponential is next to nothing, where that is less than `floor`
  /// or than -80.
  public static func scale(
    _ logits: FloatRows, row: Int, best: Int, scale: Float, floor: Float, output: FloatRows, outputRow: Int
  ) {
    let source = unsafe logits.row(row)
    let target = unsafe output.row(outputRow)
    precondition(source.count == target.count && source.indices.contains(best), "rows of different length")
    guard let from = source.baseAddress, let to = target.baseAddress else { return }
    unsafe fs_scale_logits(from, source.count, source[best], scale, floor, to)
  }

  /// Finds the up to `count` greatest scaled logits of at least `floor`, in descending order, equal ones by their tokens.
  /// Both arrays are overwritten; with capacity for `count` elements nothing is allocated.
  public static func selectBest(
    _ logits: FloatRows, row: Int, count: Int, best: Int, scale: Float, floor: Float, tokens: inout [Int32],
    scaled: inout [Float]
  ) {
    let source = unsafe logits.row(row)
    precondition(count > 0 && source.indices.contains(best), "nothing to select")
    tokens.removeAll(keepingCapacity: true)
    scaled.removeAll(keepingCapacity: true)
    for _ in 0..<count {
      tokens.append(0)
      scaled.append(0)
    }
    let found = unsafe tokens.withUnsafeMutableBufferPointer { tokens in
      unsafe scaled.withUnsafeMutableBufferPointer { scaled in
        unsafe fs_select_best(
          source.baseAddress, source.count, count, source[best], scale, floor, tokens.baseAddress,
          scaled.baseAddress)
      }
    }
    tokens.removeLast(count - found)
    scaled.removeLast(count - found)
  }

  /// The sum of a row, added up in an order that is the same everywhere.
  public static func sum(_ rows: FloatRows, row: Int) -> Float {
    let source = unsafe rows.row(row)
    guard let base = source.baseAddress else { return 0 }
    return unsafe fs_sum(base, source.count)
  }
}
