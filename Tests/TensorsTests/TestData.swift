import Tensors

/// A small generator of repeatable numbers (SplitMix64).
struct TestNumbers: RandomNumberGenerator {
  private var state: UInt64

  init(seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x2545_F491_4F6C_DD1D &+ 1 }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func floats(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
    (0..<count).map { _ in Float.random(in: range, using: &self) }
  }
}

/// The bits, so that comparisons tell -0 from 0 and hold for NaN.
func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }

extension FloatMatrix {
  convenience init(rows: Int, columns: Int, _ elements: [Float]) {
    self.init(rows: rows, columns: columns)
    for row in 0..<rows { for column in 0..<columns { self[row, column] = elements[row * columns + column] } }
  }

  convenience init(rows: Int, columns: Int, filledWith value: Float) {
    self.init(rows: rows, columns: columns)
    for row in 0..<rows { view.fill(row: row, with: value) }
  }

  func array(_ row: Int) -> [Float] { view.array(row: row) }

  var elements: [Float] { (0..<rows).flatMap { view.array(row: $0) } }
}

extension PackedMatrix {
  /// Packs dense elements [outputs, inputs].
  convenience init(outputs: Int, inputs: Int, format: WeightFormat, _ elements: [Float]) {
    self.init(outputs: outputs, inputs: inputs, format: format) { rows, buffer in
      for i in 0..<buffer.count { buffer[i] = elements[rows.lowerBound * inputs + i] }
    }
  }

  static func gatedPair(
    outputs: Int, inputs: Int, format: WeightFormat, gate: [Float], up: [Float]
  ) -> PackedMatrix {
    gatedPair(outputs: outputs, inputs: inputs, format: format) { rows, buffer in
      for i in 0..<buffer.count { buffer[i] = gate[rows.lowerBound * inputs + i] }
    } readUp: { rows, buffer in
      for i in 0..<buffer.count { buffer[i] = up[rows.lowerBound * inputs + i] }
    }
  }

  /// All weights as the kernels see them, [outputs, inputs].
  func dequantized(up: Bool = false) -> [Float] { (0..<outputs).flatMap { dequantizedRow($0, up: up) } }
}

/// Everything but the reference itself.
let vectorSets = KernelSet.available.map(\.name).filter { $0 != "scalar" }

func kernelSet(_ name: String) -> KernelSet {
  guard let set = KernelSet.named(name) else { fatalError("no set named \(name)") }
  return set
}

let scalar = kernelSet("scalar")
