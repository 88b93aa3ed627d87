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

/// Inputs as the kernels see them: rounded to bf16 beside bf16 weights; integers beside integers, with a scale for every 128.
func seen(_ row: [Float], by format: WeightFormat) -> [Float] {
  switch format {
  case .f32: return row
  case .bf16: return row.map(nearestBFloat)
  case .int8, .int4:
    return stride(from: 0, to: row.count, by: 128).flatMap { begin in
      let group = row[begin..<min(begin + 128, row.count)]
      let greatest = group.map(abs).max() ?? 0
      if greatest < 0x1p-100 { return group.map { _ in Float(0) } }
      return group.map { ($0 * (127 / greatest)).rounded(.toNearestOrEven) * (greatest / 127) }
    }
  }
}

/// Nearest bf16 by arithmetic on the neighbours, ties to the even one.
func nearestBFloat(_ value: Float) -> Float {
  let below = Float(bitPattern: value.bitPattern & 0xFFFF_0000)
  if below == value { return value }
  let above = Float(bitPattern: (value.bitPattern & 0xFFFF_0000) &+ 0x1_0000)  // away from zero
  let down = abs(Double(value) - Double(below))
  let up = (above.isInfinite ? 0x1p128 : abs(Double(above))) - abs(Double(value))
  if down != up { return down < up ? below : above }
  return below.bitPattern >> 16 & 1 == 0 ? below : above
}

/// Whether a set promises the scalar set's bits; "amx" sums bf16 products in an order of its own.
func sharesBits(_ name: String, _ format: WeightFormat) -> Bool { name != "amx" || format != .bf16 }

/// Whether all values are close to others.
func close(_ values: [Float], _ others: [Float], within tolerance: Float) -> Bool {
  zip(values, others).allSatisfy {
    abs($0 - $1) <= tolerance * (1 + abs($1)) || $0.bitPattern == $1.bitPattern
  }
}

/// Every set that this processor can run, those that it would not choose too.
let testedSets =
  KernelSet.available.map(\.name)
  + ["avx2-plain", "avx512-pairs", "avx512-streams", "neon-plain"].filter { KernelSet.named($0) != nil }

/// Everything but the reference itself.
let vectorSets = testedSets.filter { $0 != "scalar" }

func kernelSet(_ name: String) -> KernelSet {
  guard let set = KernelSet.named(name) else { fatalError("no set named \(name)") }
  return set
}

let scalar = kernelSet("scalar")
