import CKernels

/// Work whose time says what the machine can do at most.
extension KernelSet {
  /// Keeps busy, from registers alone, the units by which this set multiplies with weights of a format.
  ///
  /// - Parameter rounds: Amount of work; ten thousand rounds take well below a millisecond with vectors.
  /// - Returns: Operations done, a multiply-add counting as two.
  public func runMultiplyAdds(_ format: WeightFormat, rounds: Int) -> Double {
    unsafe fs_run_multiply_adds(table, format.kernelFormat, rounds)
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
