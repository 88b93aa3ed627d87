import Checkpoints
import Tensors

/// Reads weights into the forms that layers use.
struct WeightLoader {
  let source: WeightSource
  let format: WeightFormat
  let factory: MatrixFactory

  /// The format of matrices that 4 bits would harm more than they save.
  var sensitiveFormat: WeightFormat { format == .int4 ? .int8 : format }

  /// The same for matrices that are all sensitive.
  var sensitive: WeightLoader { WeightLoader(source: source, format: sensitiveFormat, factory: factory) }

  /// A vector in f32.
  func vector(_ name: String, count: Int) throws(LoadError) -> FloatVector {
    FloatVector(try source.floats(name, shape: [count]))
  }

  /// An RMSNorm.
  func norm(_ name: String, count: Int, epsilon: Float) throws(LoadError) -> Norm {
    Norm(weight: try vector(name, count: count), epsilon: epsilon)
  }

  /// A matrix [outputs, inputs].
  func matrix(
    _ name: String, outputs: Int, inputs: Int, format: WeightFormat? = nil
  ) throws(LoadError) -> PackedMatrix {
    let matrix = try source.matrix(name, outputs: outputs, inputs: inputs)
    return unsafe factory.matrix(name, outputs: outputs, inputs: inputs, format: format ?? self.format) {
      unsafe matrix.readRows($0, into: $1)
    }
  }

  /// Several matrices with the same inputs, one below the other, as one.
  func stacked(
    _ parts: [(name: String, outputs: Int)], inputs: Int, format: WeightFormat? = nil
  ) throws(LoadError) -> PackedMatrix {
    var matrices: [(matrix: MatrixSource, rows: Range<Int>)] = []
    var outputs = 0
    for part in parts {
      matrices.append(
        (
          try source.matrix(part.name, outputs: part.outputs, inputs: inputs),
          outputs..<outputs + part.outputs
        ))
      outputs += part.outputs
    }
    let key = parts.map(\.name).joined(separator: "|")
    return unsafe factory.matrix(key, outputs: outputs, inputs: inputs, format: format ?? self.format) {
      rows, buffer in
      for (matrix, place) in matrices {
        let overlap = rows.clamped(to: place)
        if overlap.isEmpty { continue }
        let start = (overlap.lowerBound - rows.lowerBound) * inputs
        unsafe matrix.readRows(
          overlap.lowerBound - place.lowerBound..<overlap.upperBound - place.lowerBound,
          into: UnsafeMutableBufferPointer(rebasing: buffer[start..<start + overlap.count * inputs]))
      }
    }
  }

  /// The gate and up matrices of a SwiGLU unit and its down matrix.
  func gatedUnit(
    _ prefix: String, names: GatedUnitNames = GatedUnitNames(), hidden: Int, width: Int
  ) throws(LoadError) -> GatedFeedForward {
    let gate = try source.matrix(prefix + names.gate + ".weight", outputs: width, inputs: hidden)
    let up = try source.matrix(prefix + names.up + ".weight", outputs: width, inputs: hidden)
    let gateAndUp = unsafe factory.gatedPair(
      "\(prefix)\(names.gate)|\(names.up)", outputs: width, inputs: hidden, format: format,
      readGate: { unsafe gate.readRows($0, into: $1) }, readUp: { unsafe up.readRows($0, into: $1) })
    return GatedFeedForward(
      gateAndUp: gateAndUp, down: try matrix(prefix + names.down + ".weight", outputs: hidden, inputs: width))
  }

  /// The two up-projections of latent attention, split by head: keys transposed to [rank, nope], values [value, rank].
  func latentUpProjections(
    _ name: String, shape: LatentAttentionShape
  ) throws(LoadError) -> (keys: [PackedMatrix], values: [PackedMatrix]) {
    let headRows = shape.nope + shape.value
    let rank = shape.rank
    let all = try source.matrix(name, outputs: shape.heads * headRows, inputs: rank)
    var keys: [PackedMatrix] = []
    var values: [PackedMatrix] = []
    for head in 0..<shape.heads {
      let first = head * headRows
      let key = "\(name)|key \(head)"
      var rows: [Float] = []
      if !factory.isStored(key, outputs: rank, inputs: shape.nope, format: sensitiveFormat) {
        rows = unsafe [Float](unsafeUninitializedCapacity: shape.nope * rank) { buffer, count in
          unsafe all.readRows(
            first..<first + shape.nope,
            into: UnsafeMutableBufferPointer(rebasing: buffer[..<(shape.nope * rank)]))
          count = shape.nope * rank
        }
      }
      keys.append(
        unsafe factory.matrix(key, outputs: rank, inputs: shape.nope, format: sensitiveFormat) {
          range, buffer in
          for (place, column) in range.enumerated() {
            for input in 0..<shape.nope {
              unsafe buffer[place * shape.nope + input] = rows[input * rank + column]
            }
          }
        })
      values.append(
        unsafe factory.matrix(
          "\(name)|value \(head)", outputs: shape.value, inputs: rank, format: sensitiveFormat
        ) { range, buffer in
          let begin = first + shape.nope
          unsafe all.readRows(begin + range.lowerBound..<begin + range.upperBound, into: buffer)
        })
    }
    return (keys, values)
  }
}
