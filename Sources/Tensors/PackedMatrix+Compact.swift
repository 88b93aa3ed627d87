import CKernels
import Synchronization

extension PackedMatrix {
  /// Bytes that the weights take when they are not compact.
  public var plainByteCount: Int {
    panelCount * (isGatedPair ? 2 : 1) * fs_panel_bytes(format.kernelFormat, inputs)
  }

  /// The same weights in about 12 bits each, or nil where the matrix is not bf16 or has too many weights with rare exponents.
  ///
  /// A bf16 is a byte of sign and mantissa and a byte of exponent, and the exponents of a trained (or random) matrix are
  /// nearly all among sixteen neighbours: a code of four bits says which, the few others are listed. Kernels put the very
  /// same bf16 together again in registers, so every product gives the same bits and reads a quarter less.
  public func compacted(pool: WorkerPool) -> PackedMatrix? {
    guard format == .bf16, !isCompact else { return nil }
    let result = PackedMatrix(
      outputs: outputs, inputs: inputs, format: format, isGatedPair: isGatedPair, isCompact: true)
    let count = panelCount * (isGatedPair ? 2 : 1)
    let isComplete = Atomic(true)
    pool.run { worker in
      for panel in worker.share(of: count) {
        let source = unsafe panels + panel * panelByteCount
        let target = unsafe UnsafeMutableRawPointer(mutating: result.panels) + panel * result.panelByteCount
        if unsafe !fs_compact_panel(source, inputs, target) {
          isComplete.store(false, ordering: .relaxed)
          return
        }
      }
    }
    return isComplete.load(ordering: .acquiring) ? result : nil
  }
}

extension KernelSet {
  /// Bytes of a model's bf16 weights beyond which compact ones are faster, or nil where they never are: what caches hold is
  /// not worth unpacking.
  public var compactsBeyond: Int? {
    let bytes = unsafe fs_compact_from(table)
    return bytes > 0 ? Int(bytes) : nil
  }
}
