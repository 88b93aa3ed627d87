import CKernels

/// Input rows in the form in which a kernel set multiplies them with weights of one format: rounded, or integers with
/// scales. For products that share their inputs; whoever fills it says in which format, and asks for products with
/// weights of that format alone.
public final class PreparedRows: @unchecked Sendable {
  // Sendable: threads keep to their own rows, and meet before they read those of others.
  let memory: AlignedMemory
  /// The number of rows.
  public let rowCount: Int
  /// Columns of each row.
  public let inputs: Int

  /// Room for rows of any format.
  public init(rowCount: Int, inputs: Int) {
    precondition(rowCount >= 0 && inputs >= 0, "negative size")
    self.rowCount = rowCount
    self.inputs = inputs
    let padding = Int(FS_PREPARED_PADDING)
    memory = AlignedMemory(byteCount: fs_widest_rows_bytes(max(inputs, 1), rowCount + padding))
  }
}

extension KernelSet {
  /// Prepares rows `range` of `source` as rows of the same numbers of `target`, for products with weights of `format`.
  public func prepare(
    _ source: FloatRows, rows range: Range<Int>, for format: WeightFormat, into target: PreparedRows
  ) {
    precondition(source.columns == target.inputs, "rows of different length")
    precondition(
      range.lowerBound >= 0 && range.upperBound <= min(source.rows, target.rowCount), "rows out of range")
    if range.isEmpty { return }
    let rows = unsafe fs_rows(
      base: source.base + range.lowerBound * source.stride, stride: source.stride, index: nil)
    let bytes = unsafe fs_prepared_bytes(table, format.kernelFormat, target.inputs)
    unsafe fs_prepare(
      table, format.kernelFormat, target.inputs, rows, range.count,
      target.memory.address + range.lowerBound * bytes)
  }

  /// `multiply` with the rows `inputRows` of `input`, which were prepared for the format of the weights.
  public func multiply(
    _ weights: PackedPanels, panels: Range<Int>, input: PreparedRows, inputRows: Range<Int>,
    output: FloatRows,
    outputIndex: IndexRows? = nil, accumulate: Bool = false
  ) {
    precondition(!weights.isGatedPair, "a gated pair needs multiplyGated")
    check(weights, panels, input, inputRows, output, outputIndex)
    unsafe withScratch(inputs: weights.inputs, rowCount: inputRows.count) { scratch, byteCount in
      let bytes = unsafe fs_prepared_bytes(table, weights.kernelFormat, input.inputs)
      unsafe fs_matmul_prepared(
        table, weights.kernelFormat, weights.panels, weights.inputs, weights.outputs,
        panels.lowerBound,
        panels.upperBound, input.memory.address + inputRows.lowerBound * bytes, nil,
        output.kernelRows(outputIndex),
        inputRows.count, accumulate, reading, scratch, byteCount)
    }
  }

  /// `multiplyGated` with rows of `input` that were prepared for the format of the weights: row r is number
  /// `inputIndex[r]`, or r without an index.
  public func multiplyGated(
    _ weights: PackedPanels, panels: Range<Int>, input: PreparedRows, inputIndex: IndexRows? = nil,
    output: FloatRows, rowCount: Int, rowScale: FloatVectorView? = nil
  ) {
    precondition(weights.isGatedPair, "not a gated pair")
    precondition(rowScale.map { $0.count >= rowCount } ?? true, "too few row scales")
    check(weights, panels, input, 0..<(inputIndex == nil ? rowCount : 0), output, nil)
    precondition(rowCount <= output.rows, "more rows than there are")
    if let inputIndex {
      precondition(rowCount <= inputIndex.count, "more rows than indices")
      for ordinal in 0..<rowCount {
        precondition(
          inputIndex[ordinal] >= 0 && inputIndex[ordinal] < input.rowCount, "row index out of range")
      }
    }
    unsafe withScratch(inputs: weights.inputs, rowCount: rowCount) { scratch, byteCount in
      unsafe fs_gated_matmul_prepared(
        table, weights.kernelFormat, weights.panels, weights.inputs, weights.outputs,
        panels.lowerBound,
        panels.upperBound, input.memory.address, inputIndex?.base, output.kernelRows(nil), rowCount,
        rowScale?.base, reading, scratch, byteCount)
    }
  }

  private func check(
    _ weights: PackedPanels, _ panels: Range<Int>, _ input: PreparedRows, _ inputRows: Range<Int>,
    _ output: FloatRows, _ outputIndex: IndexRows?
  ) {
    precondition(panels.lowerBound >= 0 && panels.upperBound <= weights.panelCount, "panels out of range")
    precondition(input.inputs == weights.inputs, "input rows do not fit the weights")
    precondition(output.columns == weights.outputs, "output rows do not fit the weights")
    precondition(inputRows.lowerBound >= 0 && inputRows.upperBound <= input.rowCount, "rows out of range")
    output.check(outputIndex, inputRows.count)
  }
}
