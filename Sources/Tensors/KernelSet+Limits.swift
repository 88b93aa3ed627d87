import CKernels

/// Work whose time says what the machine can do at most.
extension KernelSet {
  /// Keeps this set's f32 multiply-add units busy from registers alone.
  ///
  /// - Parameter rounds: Amount of work; ten thousand rounds take well below a millisecond with vectors.
  /// - Returns: Operations done, a multiply-add counting as two.
  public func runMultiplyAdds(rounds: Int) -> Double {
    var result: Float = 0
    return unsafe fs_run_multiply_adds(table, rounds, &result)
  }
}

extension FloatRows {
  /// Reads all rows once, as fast as memory gives them.
  ///
  /// The rows must stand without gaps and their number of floats be a multiple of 64.
  ///
  /// - Returns: Bytes read.
  public func readAll() -> Int {
    precondition(columns == stride && rows * columns % 64 == 0, "rows with gaps or of an odd size")
    let byteCount = rows * columns * MemoryLayout<Float>.size
    _ = unsafe fs_read_stream(base, byteCount)
    return byteCount
  }
}
