import Foundation
import Tensors
import Testing

/// One grouped-query attention problem.
struct GroupedShape: CustomTestStringConvertible, Sendable {
  let heads: Int
  let keyValueHeads: Int
  let width: Int
  let first: Int
  let length: Int

  var testDescription: String {
    "\(heads) heads on \(keyValueHeads) of \(width), positions \(first)..<\(length)"
  }

  static let all: [GroupedShape] = [
    (1, 1, 64, 0, 1), (4, 4, 64, 0, 63), (8, 2, 64, 0, 64), (6, 3, 128, 0, 65), (32, 8, 128, 0, 200),
    (5, 1, 80, 3, 67), (7, 7, 37, 100, 129), (12, 2, 20, 63, 66), (9, 3, 1, 64, 65), (10, 2, 100, 130, 200),
  ].map { GroupedShape(heads: $0.0, keyValueHeads: $0.1, width: $0.2, first: $0.3, length: $0.4) }
}

/// The operands of one grouped-query attention problem.
struct GroupedProblem {
  let shape: GroupedShape
  let query: FloatMatrix
  let cache: FloatMatrix
  let scale: Float = 0.3

  init(_ shape: GroupedShape) {
    self.shape = shape
    var numbers = TestNumbers(seed: shape.heads * 7 + shape.width * 3 + shape.length)
    query = FloatMatrix(rows: shape.heads, columns: shape.width, numbers.floats(shape.heads * shape.width))
    let columns = 2 * shape.keyValueHeads * shape.width
    cache = FloatMatrix(
      rows: shape.length + 3, columns: columns, numbers.floats((shape.length + 3) * columns, in: -2...2))
  }

  func result(_ set: KernelSet, heads: [Range<Int>]? = nil) -> FloatMatrix {
    let output = FloatMatrix(rows: shape.heads, columns: shape.width, filledWith: .nan)
    for range in heads ?? [0..<shape.heads] {
      let scratch = FloatMatrix(rows: 2, columns: KernelSet.groupedAttentionScratchCount(heads: range.count))
      set.groupedAttention(
        query: query.view, heads: range, keyValueHeads: shape.keyValueHeads, cache: cache.view,
        first: shape.first,
        length: shape.length, scale: scale, output: output.view, scratch: scratch.view, scratchRow: 1)
    }
    return output
  }

  /// The definition, in double precision.
  func exact(head: Int) -> [Double] {
    let group = head / (shape.heads / shape.keyValueHeads)
    let keys = group * shape.width..<(group + 1) * shape.width
    let values = keys.lowerBound + shape.keyValueHeads * shape.width
    let positions = shape.first..<shape.length
    let scores = positions.map { position in
      zip(query.array(head), cache.array(position)[keys]).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        * Double(scale)
    }
    let greatest = scores.max() ?? 0
    let weights = scores.map { exp($0 - greatest) }
    let total = weights.reduce(0, +)
    return (0..<shape.width).map { column in
      zip(positions, weights).reduce(0) { $0 + $1.1 * Double(cache[$1.0, values + column]) } / total
    }
  }
}

@Suite struct `Grouped-query attention` {
  @Test(arguments: GroupedShape.all)
  func `every set gives the bits of the scalar set`(shape: GroupedShape) {
    let problem = GroupedProblem(shape)
    let expected = bits(problem.result(scalar).elements)
    for name in vectorSets {
      #expect(bits(problem.result(kernelSet(name)).elements) == expected, "\(name)")
    }
  }

  @Test(arguments: GroupedShape.all)
  func `the scalar set follows the definition`(shape: GroupedShape) {
    let problem = GroupedProblem(shape)
    let actual = problem.result(scalar)
    for head in 0..<shape.heads {
      for (column, exact) in problem.exact(head: head).enumerated() {
        #expect(abs(Double(actual[head, column]) - exact) <= 1e-5)
      }
    }
  }

  @Test(arguments: KernelSet.available.map(\.name))
  func `a head does not depend on the heads beside it`(name: String) {
    let problem = GroupedProblem(GroupedShape(heads: 12, keyValueHeads: 3, width: 96, first: 10, length: 150))
    let whole = bits(problem.result(kernelSet(name)).elements)
    for size in 1...11 {
      let parts = stride(from: 0, to: 12, by: size).map { $0..<min(12, $0 + size) }
      #expect(bits(problem.result(kernelSet(name), heads: parts).elements) == whole, "\(size) at a time")
    }
  }

  @Test(arguments: KernelSet.available.map(\.name))
  func `positions outside the window have no influence`(name: String) {
    let problem = GroupedProblem(GroupedShape(heads: 4, keyValueHeads: 2, width: 48, first: 70, length: 100))
    let before = bits(problem.result(kernelSet(name)).elements)
    for row in 0..<problem.cache.rows where !(70..<100).contains(row) {
      problem.cache.view.fill(row: row, with: .nan)
    }
    #expect(bits(problem.result(kernelSet(name)).elements) == before)
  }
}
