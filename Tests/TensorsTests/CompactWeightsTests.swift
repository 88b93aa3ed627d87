import Tensors
import Testing

/// Weights that make every part of compact panels work: exponents near each other, zeros, and rare ones: tiny and huge
/// numbers, infinities, no numbers.
private func weights(outputs: Int, inputs: Int, rareEvery: Int) -> [Float] {
  var numbers = TestNumbers(seed: outputs * 7919 + inputs)
  var values = numbers.floats(outputs * inputs, in: -0.1...0.1)
  let rare: [Float] = [
    0, -0.0, 1e-30, -3e-38, Float.leastNonzeroMagnitude * 70000, 2e30, .infinity, -.infinity, .nan, 1e-12,
    -7e-20, 5e5, 65504, -1e-7,
  ]
  var place = rareEvery / 2
  while place < values.count {
    values[place] = rare[Int(numbers.next() % UInt64(rare.count))]
    place += 1 + Int(numbers.next() % UInt64(2 * rareEvery))
  }
  return values
}

@Suite struct `Compact weights` {
  let pool = WorkerPool(threadCount: 2, bindsThreads: false)

  static let shapes = [
    (1, 1), (16, 32), (17, 33), (40, 31), (96, 512), (70, 544), (50, 1024), (35, 2081), (20, 0),
  ]

  @Test(arguments: testedSets, shapes)
  func `products give the bits of plain weights, whatever the rows`(
    name: String, shape: (outputs: Int, inputs: Int)
  ) throws {
    let set = kernelSet(name)
    let (outputs, inputs) = shape
    let plain = PackedMatrix(
      outputs: outputs, inputs: inputs, format: .bf16,
      weights(outputs: outputs, inputs: inputs, rareEvery: 1500))
    let compact = try #require(plain.compacted(pool: pool))
    #expect(compact.isCompact && !plain.isCompact && compact.format == .bf16)
    if inputs >= 512 { #expect(Double(compact.byteCount) < 0.77 * Double(plain.byteCount)) }
    var numbers = TestNumbers(seed: inputs)
    let most = 70
    let input = FloatMatrix(rows: most, columns: inputs, numbers.floats(most * inputs, in: -2...2))
    let prepared = PreparedRows(rowCount: most, inputs: inputs)
    set.prepare(input.view, rows: 0..<most, for: .bf16, into: prepared)
    let scratch = KernelScratch(inputs: inputs, rowCount: 32)
    for rows in [1, 2, 3, 4, 5, 6, 8, 9, 10, 13, 31, 33, 34, most] {
      let results = [plain, compact].map { matrix in
        let output = FloatMatrix(rows: rows, columns: outputs, filledWith: 0.25)
        let panels = 0..<matrix.panelCount
        set.multiply(matrix.view, panels: panels, input: input.view, output: output.view, rowCount: rows)
        set.multiply(
          matrix.view, panels: panels, input: prepared, inputRows: 0..<rows, output: output.view,
          accumulate: true)
        // Rows that go in several batches, and what is read afterwards.
        set.using(scratch).followed(by: plain.view, panel: plain.panelCount - 1).multiply(
          matrix.view, panels: panels, input: input.view, output: output.view, rowCount: rows,
          accumulate: true)
        return output.elements.map { $0.isNaN ? .nan : $0 }
      }
      #expect(bits(results[0]) == bits(results[1]), "\(rows) rows")
    }
  }

  @Test(arguments: testedSets)
  func `gated units give the bits of plain weights`(name: String) throws {
    let set = kernelSet(name)
    let (outputs, inputs) = (83, 300)
    let both = weights(outputs: 2 * outputs, inputs: inputs, rareEvery: 4000)
    let plain = PackedMatrix.gatedPair(
      outputs: outputs, inputs: inputs, format: .bf16, gate: Array(both.prefix(outputs * inputs)),
      up: Array(both.suffix(outputs * inputs)))
    let compact = try #require(plain.compacted(pool: pool))
    var numbers = TestNumbers(seed: 5)
    let input = FloatMatrix(rows: 40, columns: inputs, numbers.floats(40 * inputs))
    for rows in [1, 2, 3, 4, 5, 40] {
      let results = [plain, compact].map { matrix in
        let output = FloatMatrix(rows: rows, columns: outputs)
        set.multiplyGated(
          matrix.view, panels: 0..<matrix.panelCount, input: input.view, output: output.view, rowCount: rows)
        return output.elements.map { $0.isNaN ? .nan : $0 }
      }
      #expect(bits(results[0]) == bits(results[1]), "\(rows) rows")
    }
    #expect(bits(plain.dequantized(up: true)) == bits(compact.dequantized(up: true)))
  }

  @Test(arguments: shapes)
  func `every weight comes back as it was`(shape: (outputs: Int, inputs: Int)) throws {
    let (outputs, inputs) = shape
    let plain = PackedMatrix(
      outputs: outputs, inputs: inputs, format: .bf16,
      weights(outputs: outputs, inputs: inputs, rareEvery: 1200))
    let compact = try #require(plain.compacted(pool: pool))
    #expect(bits(plain.dequantized()) == bits(compact.dequantized()))
  }

  @Test func `a matrix with too many rare exponents stays plain`() {
    var numbers = TestNumbers(seed: 3)
    let scattered = (0..<64 * 512).map { _ in
      Float(bitPattern: UInt32(truncatingIfNeeded: numbers.next()) & 0xBFFF_0000)
    }
    let matrix = PackedMatrix(outputs: 64, inputs: 512, format: .bf16, scattered)
    #expect(matrix.compacted(pool: pool) == nil)
    let other = PackedMatrix(outputs: 64, inputs: 512, format: .int8, scattered.map { $0.isFinite ? $0 : 0 })
    #expect(other.compacted(pool: pool) == nil)
  }
}
