import Checkpoints
import Tensors

/// Makes packed matrices with several threads, or takes them from a store, and says how far it is.
final class MatrixFactory {
  private let pool: WorkerPool
  private let store: PackedStore?
  private let mapsStored: Bool
  private let formatsToCompact: Set<WeightFormat>
  private let progress: (@Sendable (_ bytes: Int) -> Void)?
  /// Bytes of the matrices made so far, as they are held.
  private(set) var byteCount = 0
  private var plainByteCount = 0
  /// Formats of matrices that are held in fewer bits than the format has.
  private(set) var compactFormats: Set<WeightFormat> = []

  /// What share of their plain bytes the matrices take.
  var heldShare: Double { plainByteCount > 0 ? Double(byteCount) / Double(plainByteCount) : 1 }

  init(_ options: LoadOptions, store: PackedStore?) {
    pool = WorkerPool(threadCount: options.threadCount, bindsThreads: false)
    mapsStored = options.mapsPackedWeights
    formatsToCompact = options.compactFormats
    progress = options.progress
    self.store = store
  }

  /// A matrix [outputs, inputs]; `key` tells it apart from all others of the model.
  func matrix(
    _ key: String, outputs: Int, inputs: Int, format: WeightFormat,
    readRows: (Range<Int>, UnsafeMutableBufferPointer<Float>) -> Void
  ) -> PackedMatrix {
    take(key, outputs: outputs, inputs: inputs, format: format, isGatedPair: false) {
      unsafe PackedMatrix(outputs: outputs, inputs: inputs, format: format, pool: pool, readRows: readRows)
    }
  }

  /// The two matrices of a gated unit.
  func gatedPair(
    _ key: String, outputs: Int, inputs: Int, format: WeightFormat,
    readGate: (Range<Int>, UnsafeMutableBufferPointer<Float>) -> Void,
    readUp: (Range<Int>, UnsafeMutableBufferPointer<Float>) -> Void
  ) -> PackedMatrix {
    take(key, outputs: outputs, inputs: inputs, format: format, isGatedPair: true) {
      unsafe PackedMatrix.gatedPair(
        outputs: outputs, inputs: inputs, format: format, pool: pool, readGate: readGate, readUp: readUp)
    }
  }

  /// Whether the store has a plain matrix, so that what it is made of need not be read.
  func isStored(_ key: String, outputs: Int, inputs: Int, format: WeightFormat) -> Bool {
    store?.matrix(key, outputs: outputs, inputs: inputs, format: format, isGatedPair: false) != nil
  }

  /// Ends the loading of a model.
  func finish() { store?.finish() }

  /// A new matrix, in less room where that is wanted and its weights allow it.
  private func makeCompact(_ make: () -> PackedMatrix) -> PackedMatrix {
    let matrix = make()
    return formatsToCompact.contains(matrix.format) ? matrix.compacted(pool: pool) ?? matrix : matrix
  }

  private func take(
    _ key: String, outputs: Int, inputs: Int, format: WeightFormat, isGatedPair: Bool,
    make: () -> PackedMatrix
  ) -> PackedMatrix {
    let stored = store?.matrix(
      key, outputs: outputs, inputs: inputs, format: format, isGatedPair: isGatedPair)
    let matrix = stored.map { mapsStored ? $0 : $0.copied(pool: pool) } ?? makeCompact(make)
    if stored == nil { store?.add(key, matrix) }
    byteCount += matrix.byteCount
    plainByteCount += matrix.plainByteCount
    if matrix.isCompact { compactFormats.insert(matrix.format) }
    progress?(plainByteCount)
    return matrix
  }
}
