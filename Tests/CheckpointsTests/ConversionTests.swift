import Checkpoints
import Testing

/// What the bits of each stored type mean, written out independently of the library.
enum Reference {
  static func bfloat16(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

  /// E4M3 (OCP, "FN"): bias 7, no infinity, NaN where all exponent and mantissa bits are set.
  static func float8(_ bits: UInt8) -> Float {
    let sign: Float = bits & 0x80 == 0 ? 1 : -1
    let exponent = Int(bits >> 3 & 0xF)
    let mantissa = Float(bits & 7)
    if bits & 0x7F == 0x7F { return .nan }
    if exponent == 0 { return sign * mantissa / 512 }
    return sign * Float(sign: .plus, exponent: exponent - 7, significand: 1 + mantissa / 8)
  }
}

/// Bits are compared, any NaN equals any NaN.
func expectSame(_ actual: [Float], _ expected: [Float], sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(actual.count == expected.count, sourceLocation: sourceLocation)
  let wrong = zip(actual, expected).enumerated().first { _, pair in
    pair.0.bitPattern != pair.1.bitPattern && !(pair.0.isNaN && pair.1.isNaN)
  }
  #expect(wrong == nil, "first difference: \(String(describing: wrong))", sourceLocation: sourceLocation)
}

@Suite struct ConversionTests {
  @Test func `every 16-bit float converts exactly`() throws {
    let patterns = (0...UInt16.max).map { $0 }
    let bytes = patterns.flatMap { littleEndian($0) }
    let folder = try CheckpointFolder([
      StoredTensor("half", "F16", [256, 256], bytes: bytes),
      StoredTensor("brain", "BF16", [256, 256], bytes: bytes),
    ])
    let reader = TensorReader(checkpoint: try Checkpoint(directory: folder.url))
    expectSame(
      try reader.floats("half", shape: [256, 256]), patterns.map { Float(Float16(bitPattern: $0)) })
    expectSame(try reader.floats("brain", shape: [256, 256]), patterns.map(Reference.bfloat16))
    #expect(try reader.finish().isEmpty)
  }

  @Test func `single precision keeps its bits`() throws {
    let values: [Float] = [
      0, -0.0, 1, -1.5, .infinity, -.infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude, .pi,
    ]
    let folder = try CheckpointFolder([StoredTensor("x", [3, 3], values)])
    let reader = TensorReader(checkpoint: try Checkpoint(directory: folder.url))
    expectSame(try reader.floats("x", shape: [3, 3]), values)
  }

  @Test func `every FP8 pattern converts exactly`() throws {
    let patterns = (0...UInt8.max).map { $0 }
    let folder = try CheckpointFolder([
      StoredTensor("w.weight", "F8_E4M3", [16, 16], bytes: patterns),
      StoredTensor("w.weight_scale_inv", [1, 1], [1]),
    ])
    let reader = TensorReader(checkpoint: try Checkpoint(directory: folder.url))
    expectSame(try reader.floats("w.weight", shape: [16, 16]), patterns.map(Reference.float8))
    #expect(try reader.finish().isEmpty, "the scales count as used")
  }

  @Test(arguments: [
    (rows: 1, columns: 1), (127, 129), (128, 128), (129, 127), (130, 300), (257, 256), (3, 1000), (0, 5),
    (5, 0),
  ])
  func `FP8 blocks scale their part of the matrix, ragged edges too`(rows: Int, columns: Int) throws {
    try expectScaled(rows: rows, columns: columns, block: (128, 128), config: "{}")
  }

  @Test(arguments: [[1, 1], [2, 3], [64, 128], [7, 5000]])
  func `the block size comes from quantization_config`(block: [Int]) throws {
    let config = """
      {"quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": \(block)}}
      """
    try expectScaled(rows: 10, columns: 13, block: (block[0], block[1]), config: config)
  }

  @Test func `scales may be BF16 and the tensor need not be called weight`() throws {
    let folder = try CheckpointFolder([
      StoredTensor("experts", "F8_E4M3", [1, 2], bytes: [0x38, 0x40]),
      StoredTensor("experts_scale_inv", "BF16", [1, 1], bytes: littleEndian(0x4040 as UInt16)),
    ])
    let reader = TensorReader(checkpoint: try Checkpoint(directory: folder.url))
    expectSame(try reader.floats("experts", shape: [1, 2]), [3, 6])
  }

  private func expectScaled(rows: Int, columns: Int, block: (Int, Int), config: String) throws {
    let blockRows = (rows + block.0 - 1) / block.0
    let blockColumns = (columns + block.1 - 1) / block.1
    var generator = SeededGenerator(seed: 1)
    let bytes = (0..<rows * columns).map { _ in UInt8.random(in: 0...255, using: &generator) }
    let scales = (0..<blockRows * blockColumns).map { _ in Float.random(in: 0.001...2, using: &generator) }
    let folder = try CheckpointFolder(
      config: config,
      [
        StoredTensor("w.weight", "F8_E4M3", [rows, columns], bytes: bytes),
        StoredTensor("w.weight_scale_inv", [blockRows, blockColumns], scales),
      ])
    let expected = bytes.enumerated().map { index, bits in
      Reference.float8(bits) * scales[index / columns / block.0 * blockColumns + index % columns / block.1]
    }
    let reader = TensorReader(checkpoint: try Checkpoint(directory: folder.url))
    let source = try reader.source("w.weight", shape: [rows, columns])
    expectSame(source.floats(rows: 0..<rows), expected)
    // Any slice of rows gives the same numbers.
    for first in Swift.stride(from: 0, to: rows, by: 50) {
      let range = first..<min(first + 77, rows)
      expectSame(
        source.floats(rows: range),
        Array(expected[range.lowerBound * columns..<range.upperBound * columns]))
    }
  }

  @Test(arguments: [
    (shape: [Int](), rows: 1, columns: 1), ([6], 1, 6), ([2, 3], 2, 3), ([1, 2, 3], 2, 3), ([0], 1, 0),
    ([3, 0], 3, 0), ([0, 3], 0, 3),
  ])
  func `the last dimension is a row`(shape: [Int], rows: Int, columns: Int) throws {
    let values = (0..<rows * columns).map(Float.init)
    let folder = try CheckpointFolder([StoredTensor("x", shape, values), StoredTensor("y", [1], [7])])
    let reader = TensorReader(checkpoint: try Checkpoint(directory: folder.url))
    let source = try reader.source("x", shape: shape)
    #expect(source.rows == rows && source.columns == columns)
    expectSame(source.floats(rows: 0..<rows), values)
    source.willReadRows(0..<rows)
    source.didReadRows(0..<rows)
    expectSame(try reader.floats("y", shape: [1]), [7])
  }

  @Test func `endless rows of nothing are read at once`() throws {
    let rows = 1 << 60
    let folder = try CheckpointFolder([
      StoredTensor("w.weight", "F8_E4M3", [rows, 0], bytes: []),
      StoredTensor("w.weight_scale_inv", "F32", [rows / 128, 0], bytes: []),
    ])
    let reader = TensorReader(checkpoint: try Checkpoint(directory: folder.url))
    #expect(try reader.floats("w.weight", shape: [rows, 0]).isEmpty)
  }

  @Test func `tensors may stand at odd addresses`() throws {
    let folder = try CheckpointFolder([
      StoredTensor("a", "U8", [1], bytes: [1]),
      StoredTensor("b", [2], [1.25, -3]),
      StoredTensor("c", "BF16", [1], bytes: littleEndian(0x3F80 as UInt16)),
    ])
    let reader = TensorReader(checkpoint: try Checkpoint(directory: folder.url))
    expectSame(try reader.floats("b", shape: [2]), [1.25, -3])
    expectSame(try reader.floats("c", shape: [1]), [1])
  }
}
