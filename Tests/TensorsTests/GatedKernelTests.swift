import Foundation
import Tensors
import Testing

@Suite struct `Gated kernels` {
  let rows = 11
  let inputs = 45
  let scales = FloatVector((0..<11).map { 0.25 + Float($0) })

  func operands(outputs: Int, _ format: WeightFormat) -> (pair: PackedMatrix, input: FloatMatrix) {
    var numbers = TestNumbers(seed: outputs)
    let pair = PackedMatrix.gatedPair(
      outputs: outputs, inputs: inputs, format: format, gate: numbers.floats(outputs * inputs),
      up: numbers.floats(outputs * inputs))
    return (pair, FloatMatrix(rows: rows, columns: inputs, numbers.floats(rows * inputs, in: -2...2)))
  }

  func result(_ set: KernelSet, _ pair: PackedMatrix, _ input: FloatMatrix, rowCount: Int) -> FloatMatrix {
    let output = FloatMatrix(rows: rows, columns: pair.outputs, filledWith: 7)
    set.multiplyGated(
      pair.view, panels: 0..<pair.panelCount, input: input.view, output: output.view, rowCount: rowCount,
      rowScale: scales.view)
    return output
  }

  @Test(arguments: [1, 16, 30, 64, 100], WeightFormat.allCases)
  func `every set gives the bits of the scalar set, for any number of rows`(
    outputs: Int, format: WeightFormat
  ) {
    let (pair, input) = operands(outputs: outputs, format)
    for count in 0...rows {
      let expected = bits(result(scalar, pair, input, rowCount: count).elements)
      for name in vectorSets {
        let actual = result(kernelSet(name), pair, input, rowCount: count).elements
        if sharesBits(name, format) {
          #expect(bits(actual) == expected, "\(name) \(count)")
        } else {
          #expect(close(actual, expected.map(Float.init(bitPattern:)), within: 1e-4), "\(name) \(count)")
        }
      }
    }
  }

  @Test(arguments: WeightFormat.allCases)
  func `the scalar set computes scale * silu(gate) * up`(format: WeightFormat) {
    let (pair, input) = operands(outputs: 30, format)
    let actual = result(scalar, pair, input, rowCount: rows)
    for row in 0..<rows {
      for output in 0..<30 {
        func product(_ weights: [Float]) -> Double {
          zip(weights, seen(input.array(row), by: format)).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        let gate = product(pair.dequantizedRow(output)), up = product(pair.dequantizedRow(output, up: true))
        let expected = Double(scales[row]) * gate / (1 + exp(-gate)) * up
        #expect(abs(Double(actual[row, output]) - expected) <= 1e-5 * (1 + abs(expected)) * 10)
      }
    }
  }

  @Test(arguments: WeightFormat.allCases)
  func `the parts of a split give the whole`(format: WeightFormat) {
    let (pair, input) = operands(outputs: 100, format)
    for set in KernelSet.available {
      let whole = bits(result(set, pair, input, rowCount: rows).elements)
      for cut in 0...pair.panelCount {
        let output = FloatMatrix(rows: rows, columns: 100)
        for panels in [cut..<pair.panelCount, 0..<cut] {
          set.multiplyGated(
            pair.view, panels: panels, input: input.view, output: output.view, rowCount: rows,
            rowScale: scales.view)
        }
        #expect(bits(output.elements) == whole, "\(set.name) cut at \(cut)")
      }
    }
  }

  @Test(arguments: testedSets)
  func `a gate far below zero closes, far above zero passes`(name: String) {
    let pair = PackedMatrix.gatedPair(
      outputs: 2, inputs: 1, format: .f32, gate: [-1e30, 1e30], up: [3, 1])
    let input = FloatMatrix(rows: 1, columns: 1, [1])
    let output = FloatMatrix(rows: 1, columns: 2)
    kernelSet(name).multiplyGated(
      pair.view, panels: 0..<1, input: input.view, output: output.view, rowCount: 1)
    #expect(output.array(0) == [0, 1e30])
  }
}
