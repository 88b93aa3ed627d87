import Tensors
import Testing

@Suite struct `Products with weights from memory` {
  /// Inputs with and without a part of a group at the end, and so many outputs that runs of panels are long.
  static let shapes = [(1040, 130), (1600, 64), (250, 515), (200, 1000), (33, 4097), (40, 20)]
  /// One tile of rows, the most that each kind of kernel takes at once, and several tiles.
  static let rowCounts = [1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 16, 20, 23, 24, 37]
  let pool = WorkerPool(threadCount: 1)

  @Test(arguments: testedSets, shapes)
  func `have the bits of those with weights from a cache`(name: String, shape: (outputs: Int, inputs: Int)) {
    let (outputs, inputs) = shape
    var numbers = TestNumbers(seed: 5 * outputs + inputs)
    let weights = [0, 1].map { _ in numbers.floats(outputs * inputs) }
    let most = Self.rowCounts.max() ?? 1
    let input = FloatMatrix(rows: most, columns: inputs, numbers.floats(most * inputs, in: -3...3))
    let scales = FloatVector(numbers.floats(most))
    for format in WeightFormat.allCases {
      let plain = PackedMatrix(outputs: outputs, inputs: inputs, format: format, weights[0])
      let plainPair = PackedMatrix.gatedPair(
        outputs: outputs, inputs: inputs, format: format, gate: weights[0], up: weights[1])
      var held = [(plain, plainPair, false), (plain, plainPair, true)]
      if let compact = plain.compacted(pool: pool), let pair = plainPair.compacted(pool: pool) {
        held.append((compact, pair, true))
      }
      #expect(held.count == (format == .bf16 ? 3 : 2))
      for rows in Self.rowCounts {
        let results = held.map { matrix, pair, fromMemory in
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
        for result in results { #expect(result == results[0], "\(format), \(rows) rows") }
      }
    }
  }
}
