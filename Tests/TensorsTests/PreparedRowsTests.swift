import Tensors
import Testing

@Suite struct `Prepared rows` {
  static let inputs = [1, 31, 64, 65, 130, 257]
  static let rowCounts = [1, 2, 3, 7, 12, 13, 15, 16, 17, 25, 31, 33, 48, 70, 140]
  static let outputs = 70

  /// Rows in another order, some of them twice.
  func index(_ count: Int) -> IndexList {
    IndexList((0..<count).map { Int32(truncatingIfNeeded: $0 * 31 % ((count + 1) / 2 + count / 3)) })
  }

  @Test(arguments: inputs, WeightFormat.allCases)
  func `products with them have the bits of products with floats, in every set`(
    inputs: Int, format: WeightFormat
  ) {
    var numbers = TestNumbers(seed: inputs)
    let matrix = PackedMatrix(
      outputs: Self.outputs, inputs: inputs, format: format, numbers.floats(Self.outputs * inputs))
    let panels = 0..<matrix.panelCount
    let most = Self.rowCounts.max() ?? 0
    let input = FloatMatrix(rows: most, columns: inputs, numbers.floats(most * inputs))
    for set in KernelSet.available {
      let prepared = PreparedRows(rowCount: most, inputs: inputs)
      set.prepare(input.view, rows: 0..<most / 3, for: format, into: prepared)
      set.prepare(input.view, rows: most / 3..<most, for: format, into: prepared)
      for count in Self.rowCounts {
        let range = most - count..<most  // up to the last one, behind which there is nothing
        let (expected, actual) = (
          FloatMatrix(rows: count, columns: Self.outputs, filledWith: 3),
          FloatMatrix(rows: count, columns: Self.outputs, filledWith: 3)
        )
        for isAdded in [false, true] {
          set.multiply(
            matrix.view, panels: panels, input: input.view.rows(range), output: expected.view,
            rowCount: count,
            accumulate: isAdded)
          set.multiply(
            matrix.view, panels: panels, input: prepared, inputRows: range, output: actual.view,
            accumulate: isAdded)
          #expect(bits(actual.elements) == bits(expected.elements), "\(set.name), \(count) rows")
        }
      }
    }
  }

  @Test(arguments: inputs, WeightFormat.allCases)
  func `gated units with them have the bits of gated units with floats, with an index and without`(
    inputs: Int, format: WeightFormat
  ) {
    var numbers = TestNumbers(seed: inputs)
    let pair = PackedMatrix.gatedPair(
      outputs: Self.outputs, inputs: inputs, format: format, gate: numbers.floats(Self.outputs * inputs),
      up: numbers.floats(Self.outputs * inputs))
    let most = Self.rowCounts.max() ?? 0
    let input = FloatMatrix(rows: most, columns: inputs, numbers.floats(most * inputs))
    let scales = FloatVector(numbers.floats(most))
    for set in KernelSet.available {
      let prepared = PreparedRows(rowCount: most, inputs: inputs)
      set.prepare(input.view, rows: 0..<most, for: format, into: prepared)
      for count in Self.rowCounts {
        for rows in [nil, index(count)] {
          let (expected, actual) = (
            FloatMatrix(rows: count, columns: Self.outputs), FloatMatrix(rows: count, columns: Self.outputs)
          )
          set.multiplyGated(
            pair.view, panels: 0..<pair.panelCount, input: input.view, inputIndex: rows?.view,
            output: expected.view,
            rowCount: count, rowScale: scales.view)
          set.multiplyGated(
            pair.view, panels: 0..<pair.panelCount, input: prepared, inputIndex: rows?.view,
            output: actual.view,
            rowCount: count, rowScale: scales.view)
          #expect(bits(actual.elements) == bits(expected.elements), "\(set.name), \(count) rows")
        }
      }
    }
  }

  @Test(arguments: WeightFormat.allCases)
  func `a row of many has the bits that it has alone, at every shape of tile`(format: WeightFormat) {
    let inputs = 200
    var numbers = TestNumbers(seed: 3)
    let matrix = PackedMatrix(
      outputs: Self.outputs, inputs: inputs, format: format, numbers.floats(Self.outputs * inputs))
    let input = FloatMatrix(rows: 75, columns: inputs, numbers.floats(75 * inputs))
    for set in KernelSet.available {
      func product(_ rows: Range<Int>) -> [UInt32] {
        let output = FloatMatrix(rows: rows.count, columns: Self.outputs)
        set.multiply(
          matrix.view, panels: 0..<matrix.panelCount, input: input.view.rows(rows), output: output.view,
          rowCount: rows.count)
        return bits(output.elements)
      }
      let alone = (0..<75).flatMap { product($0..<$0 + 1) }
      for count in 1...75 {
        #expect(product(0..<count) == Array(alone[..<(count * Self.outputs)]), "\(set.name), \(count) rows")
      }
    }
  }
}
