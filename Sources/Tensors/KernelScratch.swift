import CKernels

/// Memory in which a kernel set lays out input rows for products with narrow weights, and makes compact weights plain. One
/// thread at a time may use it.
@safe public final class KernelScratch: @unchecked Sendable {
  // Sendable: the owner hands it to one worker.
  let memory: AlignedMemory

  /// Makes scratch for products with inputs of at most `inputs` columns, `rowCount` rows at a time; products of more rows
  /// read their weights several times.
  public init(inputs: Int, rowCount: Int) {
    memory = AlignedMemory(byteCount: fs_scratch_bytes(max(inputs, 1), max(rowCount, 1)))
  }
}

extension KernelSet {
  /// The same set, working in `scratch`, which must outlive it. A set without scratch makes some for each product.
  public func using(_ scratch: KernelScratch) -> KernelSet {
    unsafe KernelSet(table, scratch: scratch.memory.address, byteCount: scratch.memory.byteCount)
  }

  /// Calls `body` with scratch for at least one row of `inputs` columns.
  func withScratch(inputs: Int, rowCount: Int, _ body: (UnsafeMutableRawPointer, Int) -> Void) {
    if let scratch = unsafe scratch, scratchByteCount >= fs_scratch_bytes(inputs, 1) {
      unsafe body(scratch, scratchByteCount)
    } else {
      let own = KernelScratch(inputs: inputs, rowCount: (rowCount + 31) / 32 * 32)
      withExtendedLifetime(own) { unsafe body(own.memory.address, own.memory.byteCount) }
    }
  }
}
