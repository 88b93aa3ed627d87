import Foundation
import Tensors
import Testing

/// One grouped-query attention problem: the last rows of a sequence of `length` positions, `step` positions apart.
struct GroupedShape: CustomTestStringConvertible, Sendable {
  let heads: Int
  let keyValueHeads: Int
  let width: Int
  let length: Int
  let window: Int?
  let rows: Int
  var step = 1

  var testDescription: String {
    "\(heads) heads on \(keyValueHeads) of \(width), \(rows) rows up to \(length), window \(window ?? 0)"
  }

  var positions: [Int] { (0..<rows).map { length - 1 - (rows - 1 - $0) * step } }

  static let all: [GroupedShape] = [
    (1, 1, 64, 1, nil, 1, 1), (4, 4, 64, 63, nil, 5, 1), (8, 2, 64, 64, nil, 4, 3),
    (6, 3, 128, 65, nil, 2, 64),
    (32, 8, 128, 200, nil, 9, 1), (5, 1, 80, 67, 64, 3, 1), (7, 7, 37, 129, 29, 20, 5),
    (12, 2, 20, 66, 3, 1, 1),
    (9, 3, 1, 65, 1, 33, 1), (10, 2, 100, 200, 70, 64, 3), (70, 1, 24, 130, nil, 3, 1),
    (4, 2, 192, 150, 64, 70, 2), (6, 2, 32, 1100, nil, 5, 260), (4, 4, 20, 1030, 515, 9, 3),
    (3, 1, 16, 513, nil, 25, 1),
  ].map {
    GroupedShape(
      heads: $0.0, keyValueHeads: $0.1, width: $0.2, length: $0.3, window: $0.4, rows: $0.5, step: $0.6)
  }
}

/// A kernel set and a format of the cache that it can read.
struct GroupedCase: CustomTestStringConvertible, Sendable {
  let name: String
  let format: GroupedCache.Format
  var testDescription: String { "\(name), \(format)" }
  var set: KernelSet { kernelSet(name) }

  static let all = KernelSet.available.flatMap { set in
    GroupedCache.Format.allCases.map { GroupedCase(name: set.name, format: $0) }
  }
}

/// The operands of one grouped-query attention problem.
struct GroupedProblem {
  let shape: GroupedShape
  let format: GroupedCache.Format
  let query: FloatMatrix
  let keys: FloatMatrix  // [positions, key-value heads * width]
  let values: FloatMatrix
  let positions: IndexList
  let memory: FloatMatrix
  let scale: Float = 0.3

  init(_ shape: GroupedShape, format: GroupedCache.Format = .floats) {
    self.shape = shape
    self.format = format
    var numbers = TestNumbers(seed: shape.heads * 7 + shape.width * 3 + shape.length)
    let columns = shape.keyValueHeads * shape.width
    query = FloatMatrix(
      rows: shape.rows, columns: shape.heads * shape.width,
      numbers.floats(shape.rows * shape.heads * shape.width))
    keys = FloatMatrix(
      rows: shape.length, columns: columns, numbers.floats(shape.length * columns, in: -2...2))
    values = FloatMatrix(
      rows: shape.length, columns: columns, numbers.floats(shape.length * columns, in: -2...2))
    positions = IndexList(shape.positions.map { Int32($0) })
    if format == .tiles(.bf16) {
      for matrix in [keys, values, query] {
        for row in 0..<matrix.rows {
          for column in 0..<matrix.columns { matrix[row, column] = nearestBFloat(matrix[row, column]) }
        }
      }
    }
    // What was never written holds NaN: it must not matter. Tiles count on zeros.
    memory = FloatMatrix(
      rows: shape.keyValueHeads,
      columns: GroupedCache.floatCount(width: shape.width, capacity: shape.length + 3, format: format),
      filledWith: format == .floats ? .nan : 0)
    for position in 0..<shape.length { store(position) }
  }

  var cache: GroupedCache {
    GroupedCache(memory: memory.view, width: shape.width, capacity: shape.length + 3, format: format)
  }

  func store(_ position: Int) {
    for head in 0..<shape.keyValueHeads {
      let columns = head * shape.width..<(head + 1) * shape.width
      cache.store(
        head: head, position: position, keys: keys.view.columns(columns),
        values: values.view.columns(columns),
        row: position)
    }
  }

  /// [ordinals, heads * width]; what is not computed is NaN.
  func result(
    _ set: KernelSet, index: [Int]? = nil, ordinals: Range<Int>? = nil, heads: [Range<Int>]? = nil
  ) -> FloatMatrix {
    let count = index?.count ?? shape.rows
    let list = index.map { IndexList($0.map { Int32($0) }) }
    let output = FloatMatrix(rows: count, columns: query.columns, filledWith: .nan)
    let scratch = FloatMatrix(
      rows: 2, columns: KernelSet.groupedAttentionScratchCount(width: shape.width), filledWith: .nan)
    for range in heads ?? [0..<shape.heads] {
      set.groupedAttention(
        AttendingRows(
          query: query.view, positions: positions.view, index: list?.view, ordinals: ordinals ?? 0..<count),
        heads: range, cache: cache, window: shape.window, scale: scale, output: output.view,
        scratch: scratch.view, scratchRow: 1)
    }
    withExtendedLifetime(list) {}
    return output
  }

  /// The same in parts of heads and spans that are joined.
  func resultBySpans(_ set: KernelSet, places spanCount: Int, headsAtOnce: Int) -> FloatMatrix {
    let output = FloatMatrix(rows: shape.rows, columns: query.columns, filledWith: .nan)
    let scratch = FloatMatrix(
      rows: 2, columns: KernelSet.groupedAttentionScratchCount(width: shape.width), filledWith: .nan)
    let record = KernelSet.spanRecordCount(width: shape.width)
    let records = FloatMatrix(
      rows: shape.rows, columns: shape.heads * spanCount * record, filledWith: .nan)
    for span in (0...(shape.length - 1) / KernelSet.attentionSpan).reversed() {
      for begin in stride(from: 0, to: shape.heads, by: headsAtOnce) {
        set.groupedAttention(
          AttendingRows(
            query: query.view, positions: positions.view, index: nil, ordinals: 0..<shape.rows),
          heads: begin..<min(shape.heads, begin + headsAtOnce), span: span, spanCount: spanCount,
          cache: cache, window: shape.window, scale: scale, records: records.view, scratch: scratch.view,
          scratchRow: 0)
      }
    }
    for (row, position) in shape.positions.enumerated() {
      let first = shape.window.map { max(0, position + 1 - $0) } ?? 0
      let spans = first / KernelSet.attentionSpan..<position / KernelSet.attentionSpan + 1
      for head in 0..<shape.heads {
        set.joinSpans(
          records.view, ordinal: row, head: head, spans: spans, spanCount: spanCount, width: shape.width,
          output: output.view, scratch: scratch.view, scratchRow: 1)
      }
    }
    return output
  }

  /// The definition, in double precision.
  func exact(row: Int, head: Int) -> [Double] {
    let group = head / (shape.heads / shape.keyValueHeads) * shape.width
    let end = shape.positions[row] + 1
    let seen = max(0, end - (shape.window ?? end))..<end
    let scores = seen.map { position in
      (0..<shape.width).reduce(0) {
        $0 + Double(query[row, head * shape.width + $1]) * Double(keys[position, group + $1])
      } * Double(scale)
    }
    let greatest = scores.max() ?? 0
    let weights = scores.map { exp($0 - greatest) }
    let total = weights.reduce(0, +)
    return (0..<shape.width).map { column in
      zip(seen, weights).reduce(0) { $0 + $1.1 * Double(values[$1.0, group + column]) } / total
    }
  }
}

@Suite struct `Grouped-query attention` {
  @Test(arguments: GroupedShape.all, GroupedCache.Format.allCases)
  func `every set gives the bits of the scalar set`(shape: GroupedShape, format: GroupedCache.Format) {
    let problem = GroupedProblem(shape, format: format)
    let expected = bits(problem.result(scalar).elements)
    // Tiles of bf16 have an order of their own.
    for name in vectorSets where name != "amx" || format != .tiles(.bf16) {
      #expect(bits(problem.result(kernelSet(name)).elements) == expected, "\(name)")
    }
  }

  @Test(
    arguments: GroupedShape.all,
    GroupedCase.all.filter { $0.name == "scalar" || $0.format != .floats })
  func `results follow the definition`(shape: GroupedShape, kernels: GroupedCase) {
    let problem = GroupedProblem(shape, format: kernels.format)
    let actual = problem.result(kernels.set)
    // In tiles weights are rounded to eight bits, relative to the greatest; integers round keys, values and queries too.
    let tolerance =
      switch kernels.format {
      case .floats: 1e-5
      case .tiles(.bf16): 0.012
      case .tiles(.int8): 0.1
      }
    for row in [0, shape.rows / 2, shape.rows - 1] {
      for head in 0..<shape.heads {
        for (column, exact) in problem.exact(row: row, head: head).enumerated() {
          #expect(abs(Double(actual[row, head * shape.width + column]) - exact) <= tolerance)
        }
      }
    }
  }

  @Test(arguments: GroupedShape.all, GroupedCase.all)
  func `a row does not depend on the rows beside it`(shape: GroupedShape, kernels: GroupedCase) {
    let problem = GroupedProblem(shape, format: kernels.format)
    let set = kernels.set
    let whole = problem.result(set)
    for row in 0..<shape.rows {
      #expect(bits(problem.result(set, index: [row]).array(0)) == bits(whole.array(row)), "row \(row)")
    }
    let some = stride(from: 0, to: shape.rows, by: 2).map { $0 }
    let company = problem.result(set, index: some)
    for (ordinal, row) in some.enumerated() {
      #expect(bits(company.array(ordinal)) == bits(whole.array(row)), "row \(row)")
    }
    let last = problem.result(set, ordinals: shape.rows - 1..<shape.rows)
    #expect(bits(last.array(shape.rows - 1)) == bits(whole.array(shape.rows - 1)))
    #expect(
      shape.rows == 1 || last.array(0).allSatisfy { $0.isNaN }, "an ordinal out of the range is left alone")
  }

  @Test(arguments: GroupedShape.all, GroupedCase.all)
  func `spans of positions joined give the bits of the whole`(shape: GroupedShape, kernels: GroupedCase) {
    let problem = GroupedProblem(shape, format: kernels.format)
    let whole = bits(problem.result(kernels.set).elements)
    #expect(bits(problem.resultBySpans(kernels.set, places: 3, headsAtOnce: shape.heads).elements) == whole)
    #expect(bits(problem.resultBySpans(kernels.set, places: 5, headsAtOnce: 2).elements) == whole)
  }

  @Test(arguments: GroupedShape.all, GroupedCase.all)
  func `what is read afterwards changes no bit`(shape: GroupedShape, kernels: GroupedCase) {
    let problem = GroupedProblem(shape, format: kernels.format)
    let set = kernels.set
    let whole = bits(problem.result(set).elements)
    let spans = bits(problem.resultBySpans(set, places: 3, headsAtOnce: 1).elements)
    // Also places that the cache does not have.
    for (head, position) in [
      (0, 0), (shape.keyValueHeads - 1, shape.length - 1), (0, 1 << 20), (-1, 0), (99, 0),
    ] {
      let followed = set.followed(by: problem.cache, head: head, position: position)
      #expect(bits(problem.result(followed).elements) == whole, "head \(head), position \(position)")
      #expect(bits(problem.resultBySpans(followed, places: 3, headsAtOnce: 1).elements) == spans)
    }
  }

  @Test(arguments: GroupedCase.all)
  func `a head does not depend on the heads beside it`(kernels: GroupedCase) {
    let problem = GroupedProblem(
      GroupedShape(heads: 12, keyValueHeads: 3, width: 96, length: 150, window: 140, rows: 3),
      format: kernels.format)
    let whole = bits(problem.result(kernels.set).elements)
    for size in 1...11 {
      let parts = stride(from: 0, to: 12, by: size).map { $0..<min(12, $0 + size) }
      #expect(bits(problem.result(kernels.set, heads: parts).elements) == whole, "\(size) at a time")
    }
  }

  @Test(arguments: GroupedCase.all)
  func `positions that a row does not see have no influence`(kernels: GroupedCase) {
    let problem = GroupedProblem(
      GroupedShape(heads: 4, keyValueHeads: 2, width: 48, length: 140, window: 30, rows: 1),
      format: kernels.format)
    let before = bits(problem.result(kernels.set).elements)
    for value in [Float.nan, .infinity, -1e30] {
      for position in 0..<110 {
        problem.keys.view.fill(row: position, with: value)
        problem.values.view.fill(row: position, with: value)
        problem.store(position)
      }
      #expect(bits(problem.result(kernels.set).elements) == before)
    }
  }

  @Test(arguments: GroupedCase.all)
  func `a row is not touched by what only later rows see`(kernels: GroupedCase) {
    let problem = GroupedProblem(
      GroupedShape(heads: 4, keyValueHeads: 4, width: 32, length: 75, window: nil, rows: 6),
      format: kernels.format)
    let before = problem.result(kernels.set)
    problem.values.view.fill(row: 74, with: .nan)
    problem.store(74)
    let after = problem.result(kernels.set)
    for row in 0..<5 { #expect(bits(after.array(row)) == bits(before.array(row))) }
    #expect(after.array(5).allSatisfy { $0.isNaN })
  }

  @Test(arguments: GroupedCase.all)
  func `far apart scores give the heaviest position alone`(kernels: GroupedCase) {
    let problem = GroupedProblem(
      GroupedShape(heads: 1, keyValueHeads: 1, width: 16, length: 100, window: nil, rows: 1),
      format: kernels.format)
    problem.query.view.fill(row: 0, with: 1)
    for position in 0..<100 {
      problem.keys.view.fill(row: position, with: position == 37 ? 90 : -90)
      problem.store(position)
    }
    let result = problem.result(kernels.set).array(0)
    let exact = problem.values.array(37)
    #expect(kernels.format == .tiles(.int8) || result == exact)
    for (value, expected) in zip(result, exact) { #expect(abs(value - expected) <= 1 / 127) }
  }
}
