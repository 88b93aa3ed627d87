import Tensors
import Testing

@Suite struct `Products with weights from memory` {
  /// Inputs with and without a part of a group at the end, and so many outputs that runs of panels are long.
  static let shapes = [(1040, 130), (1600, 64), (250, 515), (200, 1000), (33, 4097), (40, 20)]

  @Test(arguments: testedSets, shapes)
  func `have the bits of those with weights from a cache`(name: String, shape: (outputs: Int, inputs: Int)) {
    let (outputs, inputs) = shape
    var numbers = TestNumbers(seed: 5 * outputs + inputs)
    let weights = [0, 1].map { _ in numbers.floats(outputs * inputs) }
    let most = 5
    let input = FloatMatrix(rows: most, columns: inputs, numbers.floats(most * inputs, in: -3...3))
    let scales = FloatVector(numbers.floats(most))
    for format in WeightFormat.allCases {
      let matrix = PackedMatrix(outputs: outputs, inputs: inputs, format: format, weights[0])
      let pair = PackedMatrix.gatedPair(
        outputs: outputs, inputs: inputs, format: format, gate: weights[0], up: weights[1])
      for rows in 1...most {
        let results = [false, true].map { fromMemory in
          let set = kernelSet(name).readingFromMemory(fromMemory)
          let output = FloatMatrix(rows: rows, columns: outputs, filledWith: 0.25)
          set.followed(by: pair.view, panel: 0).multiply(
            matrix.view, panels: 1..<matrix.panelCount, input: input.view, output: output.view,
            rowCount: rows, accumulate: true)
          let gated = FloatMatrix(rows: rows, columns: outputs)
          set.multiplyGated(
            pair.view, panels: 0..<pair.panelCount, input: input.view, output: gated.view, rowCount: rows,
            rowScale: scales.view)
          return bits(output.elements + gated.elements)
        }
        #expect(results[0] == results[1], "\(format), \(rows) rows")
      }
    }
  }
}
