import COpenBLAS
import Tensors
import Testing

/// The shape of one product.
struct ProductShape: CustomTestStringConvertible, Sendable {
  let outputs: Int
  let inputs: Int
  let rows: Int

  var testDescription: String { "\(rows) x \(inputs) x \(outputs)" }

  /// Widths on both sides of a panel, of a register tile and of the prefetch distance; odd and empty ones.
  static let all: [ProductShape] = sizes.flatMap { outputs, inputs in
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 17, 33, 70].map {
      ProductShape(outputs: outputs, inputs: inputs, rows: $0)
    }
  }

  private static let sizes = [
    (1, 1), (15, 2), (16, 3), (17, 16), (40, 31), (100, 33), (128, 64), (133, 37), (300, 5), (20, 0),
    (35, 129),
    (50, 320),
  ]
}

/// A product with everything it needs.
struct Product {
  let shape: ProductShape
  let weights: PackedMatrix
  let input: FloatMatrix

  init(_ shape: ProductShape, _ format: WeightFormat) {
    self.shape = shape
    var numbers = TestNumbers(seed: shape.outputs * 1009 + shape.inputs * 31 + shape.rows)
    weights = PackedMatrix(
      outputs: shape.outputs, inputs: shape.inputs, format: format,
      numbers.floats(shape.outputs * shape.inputs))
    input = FloatMatrix(
      rows: shape.rows, columns: shape.inputs, numbers.floats(shape.rows * shape.inputs, in: -2...2))
  }

  func result(_ set: KernelSet, start: Float = .nan, accumulate: Bool = false) -> FloatMatrix {
    let output = FloatMatrix(rows: shape.rows, columns: shape.outputs, filledWith: start)
    set.multiply(
      weights.view, panels: 0..<weights.panelCount, input: input.view, output: output.view,
      rowCount: shape.rows,
      accumulate: accumulate)
    return output
  }
}

@Suite struct `Matrix kernels` {
  @Test(arguments: ProductShape.all, WeightFormat.allCases)
  func `every set gives the bits of the scalar set`(shape: ProductShape, format: WeightFormat) {
    let product = Product(shape, format)
    let expected = bits(product.result(scalar).elements)
    let expectedSum = bits(product.result(scalar, start: 0.75, accumulate: true).elements)
    for name in vectorSets {
      let set = kernelSet(name)
      let (plain, sum) = (product.result(set), product.result(set, start: 0.75, accumulate: true))
      if sharesBits(name, format) {
        #expect(bits(plain.elements) == expected, "\(name)")
        #expect(bits(sum.elements) == expectedSum, "\(name)")
      } else {
        #expect(close(plain.elements, expected.map(Float.init(bitPattern:)), within: 2e-5), "\(name)")
        #expect(close(sum.elements, expectedSum.map(Float.init(bitPattern:)), within: 2e-5), "\(name)")
      }
    }
  }

  @Test(arguments: ProductShape.all, WeightFormat.allCases)
  func `the scalar set agrees with OpenBLAS`(shape: ProductShape, format: WeightFormat) {
    guard shape.rows > 0, shape.inputs > 0 else { return }
    let product = Product(shape, format)
    let actual = product.result(scalar, start: 0.5, accumulate: true).elements
    let weights = product.weights.dequantized()
    var expected = [Float](repeating: 0.5, count: shape.rows * shape.outputs)
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, Int32(shape.rows), Int32(shape.outputs), Int32(shape.inputs),
      1,
      (0..<shape.rows).flatMap { seen(product.input.array($0), by: format) }, Int32(shape.inputs), weights,
      Int32(shape.inputs), 1, &expected,
      Int32(shape.outputs))
    for (a, b) in zip(actual, expected) { #expect(abs(a - b) <= 2e-5 * (1 + abs(b))) }
  }

  @Test(arguments: testedSets, WeightFormat.allCases)
  func `a row does not depend on the rows beside it`(name: String, format: WeightFormat) {
    let set = kernelSet(name)
    let whole = Product(ProductShape(outputs: 150, inputs: 531, rows: 200), format)
    let alone = (0..<200).map { row in
      let output = FloatMatrix(rows: 1, columns: 150)
      set.multiply(
        whole.weights.view, panels: 0..<whole.weights.panelCount, input: whole.input.view.rows(row..<row + 1),
        output: output.view, rowCount: 1)
      return bits(output.array(0))
    }
    for rows in Array(1...20) + [31, 32, 33, 48, 49, 70, 127, 128, 129, 145, 200] {
      let output = FloatMatrix(rows: rows, columns: 150)
      set.multiply(
        whole.weights.view, panels: 0..<whole.weights.panelCount, input: whole.input.view,
        output: output.view,
        rowCount: rows)
      for row in 0..<rows { #expect(bits(output.array(row)) == alone[row], "row \(row) of \(rows)") }
    }
  }

  @Test(arguments: testedSets, WeightFormat.allCases)
  func `the split of panels does not matter, and a part writes nothing else`(
    name: String, format: WeightFormat
  ) {
    let set = kernelSet(name)
    let product = Product(ProductShape(outputs: 250, inputs: 19, rows: 5), format)
    let expected = product.result(set)
    for begin in 0..<product.weights.panelCount {
      for end in begin...product.weights.panelCount {
        let output = FloatMatrix(rows: 5, columns: 250, filledWith: 7)
        set.multiply(
          product.weights.view, panels: begin..<end, input: product.input.view, output: output.view,
          rowCount: 5)
        for row in 0..<5 {
          let sound = (0..<250).allSatisfy { column in
            let inside = column >= 16 * begin && column < 16 * end
            return output[row, column].bitPattern == (inside ? expected[row, column] : 7).bitPattern
          }
          #expect(sound, "panels \(begin)..<\(end), row \(row)")
        }
      }
    }
  }

  @Test(arguments: testedSets, WeightFormat.allCases)
  func `rows may be gathered and scattered`(name: String, format: WeightFormat) {
    let set = kernelSet(name)
    let product = Product(ProductShape(outputs: 50, inputs: 24, rows: 12), format)
    let expected = product.result(set)
    let from = IndexList([3, 11, 3, 0, 7, 5, 5, 9, 2])
    let to = IndexList([8, 0, 12, 1, 5, 4, 10, 3, 6])
    let output = FloatMatrix(rows: 13, columns: 50, filledWith: 7)
    set.multiply(
      product.weights.view, panels: 0..<product.weights.panelCount, input: product.input.view,
      inputIndex: from.view,
      output: output.view, outputIndex: to.view, rowCount: 9)
    for position in 0..<9 {
      #expect(bits(output.array(Int(to[position]))) == bits(expected.array(Int(from[position]))))
    }
    for row in [2, 7, 9, 11] { #expect(output.array(row).allSatisfy { $0 == 7 }) }
  }

  @Test(arguments: testedSets)
  func `floats beyond the columns of a view stay untouched`(name: String) {
    let product = Product(ProductShape(outputs: 21, inputs: 9, rows: 3), .f32)
    let output = FloatMatrix(rows: 3, columns: 64, filledWith: 7)
    kernelSet(name).multiply(
      product.weights.view, panels: 0..<2, input: product.input.view, output: output.view.columns(10..<31),
      rowCount: 3)
    for row in 0..<3 {
      for column in 0..<64 where !(10..<31).contains(column) { #expect(output[row, column] == 7) }
      #expect(bits(Array(output.array(row)[10..<31])) == bits(product.result(scalar).array(row)))
    }
  }

  @Test(arguments: WeightFormat.allCases)
  func `an infinite input beside the padding of an odd width does no harm`(format: WeightFormat) {
    let weights = PackedMatrix(outputs: 1, inputs: 3, format: format, [127, 2, 4])
    let input = FloatMatrix(rows: 1, columns: 4, [1, 1, 1, .infinity])
    for set in KernelSet.available {
      let output = FloatMatrix(rows: 1, columns: 1)
      set.multiply(
        weights.view, panels: 0..<1, input: input.view.columns(0..<3), output: output.view, rowCount: 1)
      let expected = weights.dequantizedRow(0).reduce(0, +)
      #expect(abs(output[0, 0] - expected) < 1e-4 * expected, "\(set.name)")
    }
  }
}
