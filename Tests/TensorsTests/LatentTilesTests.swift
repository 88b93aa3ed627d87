import Foundation
import Tensors
import Testing

/// Latent attention in tiles beside its definition, and a row in company beside the row alone.
struct LatentTilesTests {
  struct Shape: Sendable, CustomTestStringConvertible {
    var heads: Int
    var rank: Int
    var rope: Int
    var length: Int
    var format = TileFormat.bf16
    var testDescription: String { "\(heads) heads, \(rank) + \(rope), \(length) positions in \(format)" }
  }

  static let shapes = TileFormat.allCases.flatMap { format in
    sizes.map { Shape(heads: $0.0, rank: $0.1, rope: $0.2, length: $0.3, format: format) }
  }
  static let sizes = [
    (1, 64, 16, 1), (2, 64, 16, 33), (3, 50, 10, 45), (16, 128, 32, 130), (8, 512, 64, 300), (5, 37, 5, 129),
    (40, 16, 0, 70), (7, 1, 1, 66), (1, 256, 32, 257), (17, 100, 20, 31), (3, 40, 8, 513), (34, 24, 8, 1100),
  ]

  static let sets = KernelSet.available
  static let cases = sets.flatMap { set in shapes.map { (set.name, $0) } }

  /// Rows that attend, the last `rowCount` positions of a sequence.
  struct Problem {
    let shape: Shape
    let rowCount: Int
    let query: FloatMatrix
    let rows: FloatMatrix
    let memory: FloatMatrix
    let scale: Float = 0.2

    init(_ shape: Shape, rowCount: Int) {
      self.shape = shape
      self.rowCount = min(rowCount, shape.length)
      var numbers = TestNumbers(seed: shape.heads * 7 + shape.rank * 3 + shape.length)
      let width = shape.rank + shape.rope
      query = FloatMatrix(
        rows: self.rowCount, columns: shape.heads * width,
        numbers.floats(self.rowCount * shape.heads * width, in: -1...1))
      rows = FloatMatrix(rows: shape.length, columns: width, numbers.floats(shape.length * width, in: -2...2))
      memory = FloatMatrix(
        rows: 1,
        columns: LatentCache.floatCount(
          rank: shape.rank, rope: shape.rope, capacity: shape.length + 40, format: shape.format))
      for position in 0..<shape.length { cache.store(position: position, from: rows.view, row: position) }
    }

    var cache: LatentCache {
      LatentCache(
        memory: memory.view, rank: shape.rank, rope: shape.rope, capacity: shape.length + 40,
        format: shape.format)
    }

    func result(_ set: KernelSet, parts: [(ordinals: Range<Int>, heads: Range<Int>)]) -> FloatMatrix {
      let output = FloatMatrix(rows: rowCount, columns: shape.heads * shape.rank, filledWith: .nan)
      let scratch = FloatMatrix(
        rows: 2, columns: KernelSet.latentTilesScratchCount(rank: shape.rank, rope: shape.rope),
        filledWith: .nan)
      let positions = IndexList((0..<rowCount).map { Int32(shape.length - rowCount + $0) })
      for part in parts {
        set.latentAttention(
          AttendingRows(query: query.view, positions: positions.view, index: nil, ordinals: part.ordinals),
          heads: part.heads, cache: cache, scale: scale, output: output.view, scratch: scratch.view,
          scratchRow: 1)
      }
      return output
    }

    /// The same span by span, the heads in two parts, the spans from the last to the first.
    func resultBySpans(_ set: KernelSet) -> FloatMatrix {
      let output = FloatMatrix(rows: rowCount, columns: shape.heads * shape.rank, filledWith: .nan)
      let scratch = FloatMatrix(
        rows: 2, columns: KernelSet.latentTilesScratchCount(rank: shape.rank, rope: shape.rope),
        filledWith: .nan)
      let positions = IndexList((0..<rowCount).map { Int32(shape.length - rowCount + $0) })
      let rows = AttendingRows(
        query: query.view, positions: positions.view, index: nil, ordinals: 0..<rowCount)
      let spanCount = (shape.length - 1) / KernelSet.attentionSpan + 1
      let places = spanCount + 1
      let records = FloatMatrix(
        rows: rowCount, columns: shape.heads * places * KernelSet.spanRecordCount(width: shape.rank),
        filledWith: .nan)
      for span in (0..<spanCount).reversed() {
        for heads in [0..<shape.heads / 2, shape.heads / 2..<shape.heads] {
          set.latentAttention(
            rows, heads: heads, span: span, spanCount: places, cache: cache, scale: scale,
            records: records.view, scratch: scratch.view, scratchRow: 0)
        }
      }
      for ordinal in 0..<rowCount {
        let count = (shape.length - rowCount + ordinal) / KernelSet.attentionSpan + 1
        for head in 0..<shape.heads {
          set.joinSpans(
            records.view, ordinal: ordinal, head: head, spans: 0..<count, spanCount: places,
            width: shape.rank, output: output.view, scratch: scratch.view, scratchRow: 1)
        }
      }
      return output
    }

    /// The definition, in double precision, of what the tiles are given: numbers rounded to bf16.
    func exact(ordinal: Int, head: Int) -> [Double] {
      let width = shape.rank + shape.rope
      let length = shape.length - rowCount + ordinal + 1
      let own = query.array(ordinal)[head * width..<(head + 1) * width].map { Double(nearestBFloat($0)) }
      let seen = (0..<length).map { rows.array($0).map { Double(nearestBFloat($0)) } }
      let scores = seen.map { zip(own, $0).reduce(0) { $0 + $1.0 * $1.1 } * Double(scale) }
      let greatest = scores.max() ?? 0
      let weights = scores.map { exp($0 - greatest) }
      let total = weights.reduce(0, +)
      return (0..<shape.rank).map { column in
        zip(weights, seen).reduce(0) { $0 + $1.0 * $1.1[column] } / total
      }
    }
  }

  @Test(arguments: cases)
  func `the result is near the definition`(_ name: String, _ shape: Shape) throws {
    let set = try #require(KernelSet.named(name))
    let problem = Problem(shape, rowCount: 3)
    let result = problem.result(set, parts: [(0..<problem.rowCount, 0..<shape.heads)])
    for ordinal in 0..<problem.rowCount {
      for head in 0..<shape.heads {
        let found = result.array(ordinal)[head * shape.rank..<(head + 1) * shape.rank]
        // Weights are rounded to eight bits, relative to the greatest; integers round what is cached and queries too.
        let tolerance = shape.format == .bf16 ? 0.006 : 0.06
        for (value, expected) in zip(found, problem.exact(ordinal: ordinal, head: head)) {
          #expect(abs(Double(value) - expected) < tolerance)
        }
      }
    }
  }

  @Test(arguments: cases)
  func `what is read afterwards changes no bit`(_ name: String, _ shape: Shape) throws {
    let set = try #require(KernelSet.named(name))
    let problem = Problem(shape, rowCount: 5)
    let parts = [(0..<problem.rowCount, 0..<shape.heads)]
    let whole = bits(problem.result(set, parts: parts).elements)
    for position in [0, shape.length - 1, shape.length + 39, 1 << 20, -1] {
      let followed = set.followed(by: problem.cache, position: position)
      #expect(bits(problem.result(followed, parts: parts).elements) == whole, "position \(position)")
      #expect(bits(problem.resultBySpans(followed).elements) == whole)
    }
  }

  @Test(arguments: shapes)
  func `every set gives the bits of the scalar set`(shape: Shape) {
    let problem = Problem(shape, rowCount: 5)
    let parts = [(0..<problem.rowCount, 0..<shape.heads)]
    let expected = bits(problem.result(scalar, parts: parts).elements)
    // Tiles of bf16 have an order of their own.
    for name in vectorSets where name != "amx" || shape.format == .int8 {
      #expect(bits(problem.result(kernelSet(name), parts: parts).elements) == expected, "\(name)")
    }
  }

  @Test(arguments: cases)
  func `a row's bits do not depend on company`(_ name: String, _ shape: Shape) throws {
    let set = try #require(KernelSet.named(name))
    let problem = Problem(shape, rowCount: 40)
    let count = problem.rowCount
    let together = bits(problem.result(set, parts: [(0..<count, 0..<shape.heads)]).elements)
    let alone = (0..<count).flatMap { row in (0..<shape.heads).map { (row..<row + 1, $0..<$0 + 1) } }
    #expect(bits(problem.result(set, parts: alone).elements) == together)
    let half = shape.heads / 2
    let halves = [(0..<count, 0..<half), (0..<count, half..<shape.heads)]
    #expect(bits(problem.result(set, parts: halves).elements) == together)
  }

  @Test(arguments: cases)
  func `spans of positions joined give the bits of the whole`(_ name: String, _ shape: Shape) throws {
    let set = try #require(KernelSet.named(name))
    for rowCount in [1, 3, 40] {
      let problem = Problem(shape, rowCount: rowCount)
      let whole = problem.result(set, parts: [(0..<problem.rowCount, 0..<shape.heads)])
      #expect(bits(problem.resultBySpans(set).elements) == bits(whole.elements), "\(rowCount) rows")
    }
  }

  @Test(arguments: cases)
  func `what later positions held changes nothing`(_ name: String, _ shape: Shape) throws {
    let set = try #require(KernelSet.named(name))
    let problem = Problem(shape, rowCount: 9)
    let parts = [(0..<problem.rowCount, 0..<shape.heads)]
    let expected = bits(problem.result(set, parts: parts).elements)
    for value: Float in [.nan, .infinity, -3e38] {
      let junk = FloatMatrix(rows: 1, columns: shape.rank + shape.rope, filledWith: value)
      for position in shape.length..<shape.length + 40 {
        problem.cache.store(position: position, from: junk.view, row: 0)
      }
      #expect(bits(problem.result(set, parts: parts).elements) == expected, "\(value)")
    }
  }

  @Test(arguments: sets.map(\.name), TileFormat.allCases)
  func `a position that is not finite shows`(_ name: String, _ format: TileFormat) throws {
    let set = try #require(KernelSet.named(name))
    let shape = Shape(heads: 2, rank: 64, rope: 8, length: 40, format: format)
    let problem = Problem(shape, rowCount: 1)
    let junk = FloatMatrix(rows: 1, columns: 72, filledWith: .nan)
    problem.cache.store(position: 7, from: junk.view, row: 0)
    let result = problem.result(set, parts: [(0..<1, 0..<2)])
    let numbers = result.array(0).count(where: { $0.isNaN })
    #expect(numbers == 128)
  }
}
