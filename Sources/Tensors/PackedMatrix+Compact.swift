import CKernels
import Synchronization

extension PackedMatrix {
  /// Bytes that the weights take when they are not compact.
  public var plainByteCount: Int {
    panelCount * (isGatedPair ? 2 : 1) * fs_panel_bytes(format.kernelFormat, inputs)
  }

  /// The same weights in fewer bits each: bf16 in about 12, or nil where too many have rare exponents; f32 in 16, or nil where any
  /// is no bf16; nil for other formats.
  ///
  /// A bf16 is a byte of sign and mantissa and a byte of exponent, and the exponents of a trained (or random) matrix are
  /// nearly all among sixteen neighbours: a code of four bits says which, the few others are listed. Kernels put the very
  /// same bf16 together again in registers, so every product gives the same bits and reads a quarter less. Of f32 that
  /// are bf16, as those of most checkpoints are, the lower half is left out.
  public func compacted(pool: WorkerPool) -> PackedMatrix? {
    guard format.hasCompactForm, !isCompact else { return nil }
    let result = PackedMatrix(
      outputs: outputs, inputs: inputs, format: format, isGatedPair: isGatedPair, isCompact: true)
    let count = panelCount * (isGatedPair ? 2 : 1)
    let isComplete = Atomic(true)
    pool.run { worker in
      for panel in worker.share(of: count) {
        let source = unsafe panels + panel * panelByteCount
        let target = unsafe UnsafeMutableRawPointer(mutating: result.panels) + panel * result.panelByteCount
        if unsafe !fs_compact_panel(format.kernelFormat, source, inputs, target) {
          isComplete.store(false, ordering: .relaxed)
          return
        }
      }
    }
    return isComplete.load(ordering: .acquiring) ? result : nil
  }
}

extension KernelSet {
  /// Bytes of a model's weights in a format beyond which compact ones are faster, or nil where they never are. Unpacking bf16 is not
  /// worth it for what caches hold; f32 is read so much faster in half the room that it always is.
  public func compactsBeyond(_ format: WeightFormat) -> Int? {
    switch format {
    case .f32: return name == "scalar" ? nil : 0
    case .bf16:
      let bytes = unsafe fs_compact_from(table)
      return bytes > 0 ? Int(bytes) : nil
    case .int8, .int4: return nil
    }
  }
}
