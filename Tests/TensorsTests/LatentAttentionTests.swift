import Foundation
import Tensors
import Testing

/// One attention problem.
struct AttentionShape: CustomTestStringConvertible, Sendable {
  let heads: Int
  let rank: Int
  let rope: Int
  let length: Int

  var testDescription: String { "\(heads) heads, \(rank) + \(rope), \(length) positions" }

  static let all: [AttentionShape] = [
    (1, 64, 16, 1), (1, 64, 16, 63), (3, 64, 16, 64), (4, 64, 16, 65), (5, 128, 32, 200), (8, 512, 64, 130),
    (2, 80, 8, 67), (6, 37, 5, 129), (1, 16, 0, 3), (7, 1, 1, 66), (9, 100, 20, 5),
  ].map { AttentionShape(heads: $0.0, rank: $0.1, rope: $0.2, length: $0.3) }
}

/// The operands of one attention problem.
struct Attention {
  let shape: AttentionShape
  let query: FloatMatrix
  let cache: FloatMatrix
  let scale: Float = 0.3

  init(_ shape: AttentionShape, magnitude: Float = 1) {
    self.shape = shape
    var numbers = TestNumbers(seed: shape.heads * 7 + shape.rank * 3 + shape.length)
    let width = shape.rank + shape.rope
    query = FloatMatrix(
      rows: shape.heads, columns: width, numbers.floats(shape.heads * width, in: -magnitude...magnitude))
    cache = FloatMatrix(
      rows: shape.length + 3, columns: width, numbers.floats((shape.length + 3) * width, in: -2...2))
  }

  func result(_ set: KernelSet, heads: [Range<Int>]? = nil, length: Int? = nil) -> FloatMatrix {
    let output = FloatMatrix(rows: shape.heads, columns: shape.rank, filledWith: .nan)
    for range in heads ?? [0..<shape.heads] {
      let scratch = FloatMatrix(rows: 2, columns: KernelSet.latentAttentionScratchCount(heads: range.count))
      set.latentAttention(
        query: query.view, heads: range, rank: shape.rank, cache: cache.view, length: length ?? shape.length,
        scale: scale, output: output.view, scratch: scratch.view, scratchRow: 1)
    }
    return output
  }

  /// The definition, in double precision.
  func exact(head: Int) -> [Double] {
    let scores = (0..<shape.length).map { position in
      zip(query.array(head), cache.array(position)).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        * Double(scale)
    }
    let greatest = scores.max() ?? 0
    let weights = scores.map { exp($0 - greatest) }
    let total = weights.reduce(0, +)
    return (0..<shape.rank).map { column in
      (0..<shape.length).reduce(0) { $0 + weights[$1] * Double(cache[$1, column]) } / total
    }
  }
}

@Suite struct `Latent attention` {
  @Test(arguments: AttentionShape.all)
  func `every set gives the bits of the scalar set`(shape: AttentionShape) {
    let attention = Attention(shape)
    let expected = bits(attention.result(scalar).elements)
    for name in vectorSets {
      #expect(bits(attention.result(kernelSet(name)).elements) == expected, "\(name)")
    }
  }

  @Test(arguments: AttentionShape.all)
  func `the scalar set follows the definition`(shape: AttentionShape) {
    let attention = Attention(shape)
    let actual = attention.result(scalar)
    for head in 0..<shape.heads {
      for (column, exact) in attention.exact(head: head).enumerated() {
        #expect(abs(Double(actual[head, column]) - exact) <= 1e-5)
      }
    }
  }

  @Test(arguments: testedSets)
  func `a head does not depend on the heads beside it`(name: String) {
    let attention = Attention(AttentionShape(heads: 11, rank: 96, rope: 24, length: 150))
    let whole = bits(attention.result(kernelSet(name)).elements)
    for size in 1...10 {
      let parts = stride(from: 0, to: 11, by: size).map { $0..<min(11, $0 + size) }
      #expect(bits(attention.result(kernelSet(name), heads: parts).elements) == whole, "\(size) at a time")
    }
  }

  @Test(arguments: testedSets)
  func `positions beyond the length have no influence`(name: String) {
    let attention = Attention(AttentionShape(heads: 5, rank: 48, rope: 16, length: 100))
    for length in [1, 2, 3, 63, 64, 65, 97] {
      let before = bits(attention.result(kernelSet(name), length: length).elements)
      for row in length..<attention.cache.rows {
        let kept = attention.cache.array(row)
        attention.cache.view.fill(row: row, with: .nan)
        #expect(bits(attention.result(kernelSet(name), length: length).elements) == before)
        for (column, value) in kept.enumerated() { attention.cache[row, column] = value }
      }
    }
  }

  @Test(arguments: testedSets)
  func `scores far apart do not overflow`(name: String) {
    let attention = Attention(AttentionShape(heads: 3, rank: 32, rope: 8, length: 140), magnitude: 1000)
    let actual = attention.result(kernelSet(name))
    for head in 0..<3 {
      for (column, exact) in attention.exact(head: head).enumerated() {
        #expect(abs(Double(actual[head, column]) - exact) <= 1e-2)
      }
    }
  }
}
