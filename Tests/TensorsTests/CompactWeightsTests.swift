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

  static let cases = [WeightFormat.bf16, .f32].flatMap { format in shapes.map { (format, $0) } }

  /// Weights as they have to be for a format's compact form.
  private static func matrixWeights(
    _ format: WeightFormat, outputs: Int, inputs: Int, rareEvery: Int
  ) -> [Float] {
    let all = weights(outputs: outputs, inputs: inputs, rareEvery: rareEvery)
    return format == .f32 ? all.map { Float(bitPattern: $0.bitPattern & 0xFFFF_0000) } : all
  }

  @Test(arguments: testedSets, cases)
  func `products give the bits of plain weights, whatever the rows`(
    name: String, of: (format: WeightFormat, shape: (outputs: Int, inputs: Int))
  ) throws {
    let set = kernelSet(name)
    let (format, (outputs, inputs)) = of
    let plain = PackedMatrix(
      outputs: outputs, inputs: inputs, format: format,
      Self.matrixWeights(format, outputs: outputs, inputs: inputs, rareEvery: 1500))
    let compact = try #require(plain.compacted(pool: pool))
    #expect(compact.isCompact && !plain.isCompact && compact.format == format)
    if inputs >= 512 { #expect(Double(compact.byteCount) < 0.77 * Double(plain.byteCount)) }
    var numbers = TestNumbers(seed: inputs)
    let most = 70
    let input = FloatMatrix(rows: most, columns: inputs, numbers.floats(most * inputs, in: -2...2))
    let prepared = PreparedRows(rowCount: most, inputs: inputs)
    set.prepare(input.view, rows: 0..<most, for: format, into: prepared)
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

  @Test(arguments: testedSets, [WeightFormat.bf16, .f32])
  func `gated units give the bits of plain weights`(name: String, format: WeightFormat) throws {
    let set = kernelSet(name)
    let (outputs, inputs) = (83, 300)
    let both = Self.matrixWeights(format, outputs: 2 * outputs, inputs: inputs, rareEvery: 4000)
    let plain = PackedMatrix.gatedPair(
      outputs: outputs, inputs: inputs, format: format, gate: Array(both.prefix(outputs * inputs)),
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

  @Test(arguments: cases)
  func `every weight comes back as it was`(of: (format: WeightFormat, shape: (outputs: Int, inputs: Int)))
    throws
  {
    let (format, (outputs, inputs)) = of
    let plain = PackedMatrix(
      outputs: outputs, inputs: inputs, format: format,
      Self.matrixWeights(format, outputs: outputs, inputs: inputs, rareEvery: 1200))
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

  @Test(arguments: [0, 12_345, 64 * 512 - 1])
  func `a matrix with one weight that is no bf16 stays f32`(place: Int) {
    var weights = [Float](repeating: 0.5, count: 64 * 512)
    #expect(PackedMatrix(outputs: 64, inputs: 512, format: .f32, weights).compacted(pool: pool) != nil)
    weights[place] = Float(bitPattern: weights[place].bitPattern | 1)
    #expect(PackedMatrix(outputs: 64, inputs: 512, format: .f32, weights).compacted(pool: pool) == nil)
  }
}
