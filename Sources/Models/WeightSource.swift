import Checkpoints
import Tensors

/// Where weights come from: a checkpoint, or a generator that makes up weights of the same shapes.
enum WeightSource {
  case checkpoint(TensorReader)
  case random(RandomWeights)

  /// A whole tensor as floats.
  func floats(_ name: String, shape: [Int]) throws(LoadError) -> [Float] {
    switch self {
    case .checkpoint(let reader): return try reader.floats(name, shape: shape)
    case .random(let weights): return weights.floats(name, shape: shape)
    }
  }

  /// A matrix [outputs, inputs] to be read by rows.
  func matrix(_ name: String, outputs: Int, inputs: Int) throws(LoadError) -> MatrixSource {
    switch self {
    case .checkpoint(let reader): return .tensor(try reader.source(name, shape: [outputs, inputs]))
    case .random(let weights): return .random(weights, name: name, inputs: inputs)
    }
  }

  /// Marks a tensor as known and not needed.
  func ignore(_ name: String, reason: String) {
    if case .checkpoint(let reader) = self { reader.ignore(name, reason: reason) }
  }

  /// Marks all tensors whose names start so as known and not needed.
  func ignore(prefix: String, reason: String) {
    if case .checkpoint(let reader) = self { reader.ignore(prefix: prefix, reason: reason) }
  }
}

/// The rows of one matrix.
enum MatrixSource {
  case tensor(TensorSource)
  case random(RandomWeights, name: String, inputs: Int)

  /// Writes rows one after the other into `destination`, which must hold all of them.
  func readRows(_ range: Range<Int>, into destination: UnsafeMutableBufferPointer<Float>) {
    switch self {
    case .tensor(let source): unsafe source.readRows(range, into: destination)
    case .random(let weights, let name, let inputs):
      for (place, row) in range.enumerated() {
        let line = unsafe UnsafeMutableBufferPointer(
          rebasing: destination[place * inputs..<(place + 1) * inputs])
        unsafe weights.fill(line, name: name, row: row)
      }
    }
  }
}

/// Made-up weights: matrices that keep the variance of their input, norms of 1, biases of 0. A row is a function of the
/// seed, the tensor's name and the row's number.
struct RandomWeights: Sendable {
  let seed: UInt64

  /// A whole tensor: a vector of ones or zeros, or a random matrix.
  func floats(_ name: String, shape: [Int]) -> [Float] {
    guard shape.count == 2, shape[0] > 1 else {
      return [Float](repeating: name.hasSuffix("bias") ? 0 : 1, count: shape.reduce(1, *))
    }
    let inputs = shape[1]
    return unsafe [Float](unsafeUninitializedCapacity: shape[0] * inputs) { buffer, count in
      for row in 0..<shape[0] {
        let line = unsafe UnsafeMutableBufferPointer(rebasing: buffer[row * inputs..<(row + 1) * inputs])
        unsafe fill(line, name: name, row: row)
      }
      count = shape[0] * inputs
    }
  }

  /// One row of a matrix, uniform with variance 1 / inputs, or 1 for the embedding; cut to bf16, as which checkpoints are published.
  func fill(_ row: UnsafeMutableBufferPointer<Float>, name: String, row index: Int) {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ seed  // FNV-1a
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    var state = (hash &+ UInt64(index)) &* 0x9E37_79B9_7F4A_7C15 | 1
    // With small embeddings the residual stream would be much the same for all tokens, and all would choose the same experts.
    let variance = name == "model.embed_tokens.weight" ? 1 : 1 / Float(row.count)
    let scale = (3 * variance).squareRoot() / 32768
    for column in 0..<row.count {
      let quarter = UInt64(column & 3)  // four numbers of 16 bits from each state
      if quarter == 0 {
        state ^= state << 13  // xorshift64 (Marsaglia, 2003)
        state ^= state >> 7
        state ^= state << 17
      }
      let value = Float(Int16(truncatingIfNeeded: state >> (16 * quarter))) * scale
      unsafe row[column] = Float(bitPattern: value.bitPattern & 0xFFFF_0000)
    }
  }
}
