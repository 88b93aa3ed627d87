import Tensors
import Testing

@Suite struct `8-bit weights` {
  static func scale(_ row: some Sequence<Float>) -> Float { (row.map(abs).max() ?? 0) / 127 }

  @Test(arguments: [1, 15, 16, 17, 33], [0, 1, 2, 3, 4, 7, 64, 65, 130])
  func `packing is off by half a step of the row at most`(outputs: Int, inputs: Int) {
    var numbers = TestNumbers(seed: 7 * outputs + inputs)
    // Rows of very different size, since each has its own scale.
    let sizes = (0..<outputs).map { Float(sign: .plus, exponent: $0 % 30 - 15, significand: 1) }
    let matrices = (0..<2).map { _ in sizes.map { numbers.floats(inputs, in: -$0...$0) } }
    let pair = PackedMatrix.gatedPair(
      outputs: outputs, inputs: inputs, format: .int8, gate: matrices[0].flatMap { $0 },
      up: matrices[1].flatMap { $0 })
    #expect(pair.byteCount == 2 * pair.panelCount * ((inputs + 63) / 64 * 1024 + 64))
    for (matrix, isUp) in zip(matrices, [false, true]) {
      for (index, row) in matrix.enumerated() {
        let limit = Self.scale(row) * 0.50002  // and the rounding of the product
        let packed = pair.dequantizedRow(index, up: isUp)
        #expect(zip(packed, row).allSatisfy { abs($0 - $1) <= limit }, "row \(index)")
      }
    }
  }

  @Test func `integers are kept, ties go to the even one`() {
    let values: [Float] = [127, -127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 126.5, -126.5, 3, 0.4999, 0.5001]
    let packed = PackedMatrix(outputs: 1, inputs: values.count, format: .int8, values)
    #expect(packed.dequantizedRow(0) == values.map { $0.rounded(.toNearestOrEven) })
  }

  @Test func `the greatest element is always 127 steps, also of the smallest and the largest numbers`() {
    for magnitude: Float in [.greatestFiniteMagnitude, .leastNormalMagnitude * 127, 1, 3, 0.1, 77.7] {
      let packed = PackedMatrix(outputs: 1, inputs: 3, format: .int8, [magnitude, -magnitude, 0])
      let scale = magnitude / 127
      #expect(packed.dequantizedRow(0) == [127 * scale, -127 * scale, 0], "\(magnitude)")
    }
  }

  @Test func `rows of zeros, and of numbers too small for a scale, stay zero`() {
    let values: [Float] = [0, 0, -0.0, 1, -2, 3, .leastNonzeroMagnitude, 0, 0]
    let packed = PackedMatrix(outputs: 3, inputs: 3, format: .int8, values)
    #expect(packed.dequantizedRow(0) == [0, 0, 0] && packed.dequantizedRow(2) == [0, 0, 0])
    let input = FloatMatrix(rows: 1, columns: 3, [5, -6, 7])
    for set in KernelSet.available {
      let output = FloatMatrix(rows: 1, columns: 3, filledWith: 2)
      set.multiply(
        packed.view, panels: 0..<1, input: input.view, output: output.view, rowCount: 1, accumulate: true)
      #expect(output[0, 0] == 2 && output[0, 2] == 2, "\(set.name)")
      #expect(abs(output[0, 1] - 40) < 0.2, "\(set.name)")
    }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func `a row with an element that is not finite is NaN, its neighbours are not`(broken: Float) {
    let packed = PackedMatrix(outputs: 3, inputs: 2, format: .int8, [1, 2, 3, broken, 5, 6])
    #expect(packed.dequantizedRow(1).allSatisfy { $0.isNaN })
    let input = FloatMatrix(rows: 1, columns: 2, [1, 1])
    for set in KernelSet.available {
      let output = FloatMatrix(rows: 1, columns: 3)
      set.multiply(packed.view, panels: 0..<1, input: input.view, output: output.view, rowCount: 1)
      #expect(output[0, 1].isNaN, "\(set.name)")
      #expect(abs(output[0, 0] - 3) < 0.02 && abs(output[0, 2] - 11) < 0.05, "\(set.name)")
    }
  }

  @Test func `sums of integers meet their scales group by group, the column's scale last`() {
    var numbers = TestNumbers(seed: 5)
    let (row, inputs) = (numbers.floats(300), numbers.floats(300))
    let packed = PackedMatrix(outputs: 1, inputs: 300, format: .int8, row)
    let input = FloatMatrix(rows: 1, columns: 300, inputs)
    let scale = Self.scale(row)
    var (sum, correction) = (Float(0), Float(0))
    var products: [(Float, Float)] = []
    for begin in stride(from: 0, to: 300, by: 128) {
      let range = begin..<min(begin + 128, 300)
      let greatest = inputs[range].map(abs).max() ?? 0
      let integers = inputs[range].map { Int(($0 * (127 / greatest)).rounded(.toNearestOrEven)) }
      let weights = row[range].map { Int(($0 / scale).rounded(.toNearestOrEven)) + 128 }
      products.append((Float(zip(integers, weights).reduce(0) { $0 + $1.0 * $1.1 }), greatest / 127))
      correction.addProduct(Float(-128 * integers.reduce(0, +)), greatest / 127)
    }
    sum = correction
    for (product, inputScale) in products { sum.addProduct(product, inputScale) }
    for start: Float? in [nil, 0.75] {
      let output = FloatMatrix(rows: 1, columns: 1, filledWith: start ?? .nan)
      scalar.multiply(
        packed.view, panels: 0..<1, input: input.view, output: output.view, rowCount: 1,
        accumulate: start != nil)
      #expect(output[0, 0] == start?.addingProduct(sum, scale) ?? sum * scale)
    }
  }

  @Test(arguments: WeightFormat.allCases, [Float.nan, .infinity, -.infinity])
  func `an input that is not finite spoils its own row alone`(format: WeightFormat, broken: Float) {
    var numbers = TestNumbers(seed: 9)
    let weights = PackedMatrix(outputs: 20, inputs: 200, format: format, numbers.floats(4000, in: 0.1...1))
    let sound = FloatMatrix(rows: 1, columns: 200, numbers.floats(200))
    for set in KernelSet.available {
      for rowCount in [2, 5, 20] {
        let input = FloatMatrix(rows: rowCount, columns: 200)
        for row in 0..<rowCount { sound.view.copyRow(0, to: input.view, row: row) }
        input[1, 150] = broken
        let output = FloatMatrix(rows: rowCount, columns: 20)
        let alone = FloatMatrix(rows: 1, columns: 20)
        set.multiply(weights.view, panels: 0..<2, input: input.view, output: output.view, rowCount: rowCount)
        set.multiply(weights.view, panels: 0..<2, input: sound.view, output: alone.view, rowCount: 1)
        for row in 0..<rowCount {
          if row == 1 {
            #expect(output.array(1).allSatisfy { !$0.isFinite }, "\(set.name)")
          } else {
            #expect(bits(output.array(row)) == bits(alone.array(0)), "\(set.name) row \(row)")
          }
        }
      }
    }
  }
}
