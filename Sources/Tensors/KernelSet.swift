import CKernels

/// The arithmetic of one instruction set: "scalar", "avx2", "avx512", "amx" or "neon".
///
/// Every operation computes an output row from its input row and the weights alone, in an order that is fixed
/// whatever the number of rows and the split of the work. All sets give identical bits, but for bf16 products of "amx".
/// Sizes are checked once per call.
@safe public struct KernelSet: @unchecked Sendable {
  // Sendable: the table is constant and lives for ever.
  let table: OpaquePointer

  let scratch: UnsafeMutableRawPointer?
  let scratchByteCount: Int
  /// What is read after the next product or attention, and whether weights come from memory.
  var reading = unsafe fs_reading(following: nil, from_memory: false)
  var following: UnsafeRawPointer? { unsafe reading.following }

  init(_ table: OpaquePointer, scratch: UnsafeMutableRawPointer? = nil, byteCount: Int = 0) {
    unsafe self.table = unsafe table
    unsafe self.scratch = unsafe scratch
    scratchByteCount = byteCount
  }

  /// The same set, for a product or an attention after which the thread reads the weights' panels from `panel` on: near
  /// its end their first lines are asked for. Nothing but speed depends on it.
  public func followed(by weights: PackedPanels, panel: Int) -> KernelSet {
    unsafe followed(by: panel >= 0 && panel < weights.panelCount ? weights.address(of: panel) : nil)
  }

  /// Likewise where the thread then attends to a head of a cache, from `position` on.
  public func followed(by cache: GroupedCache, head: Int, position: Int = 0) -> KernelSet {
    unsafe followed(by: cache.address(head: head, position: position))
  }

  /// Likewise for a cache of latents.
  public func followed(by cache: LatentCache, position: Int = 0) -> KernelSet {
    unsafe followed(by: cache.address(position: position))
  }

  /// What is not there leaves the set as it is.
  private func followed(by address: UnsafeRawPointer?) -> KernelSet {
    guard let address = unsafe address else { return self }
    var set = self
    unsafe set.reading.following = address
    return set
  }

  /// The same set, for products with weights that no cache holds. Nothing but speed depends on it.
  public func readingFromMemory(_ fromMemory: Bool) -> KernelSet {
    var set = self
    unsafe set.reading.from_memory = fromMemory
    return set
  }

  /// Whether weights come from memory.
  public var readsFromMemory: Bool { unsafe reading.from_memory }

  /// Whether products of many rows go through blocks of tiles, which want as many rows at once as there are.
  public var multipliesBlocks: Bool { unsafe fs_multiplies_blocks(table) }

  /// The set of that name ("auto" is the best), or nil where it is unknown or this processor cannot run it.
  public static func named(_ name: String) -> KernelSet? {
    guard let table = unsafe fs_kernels_named(name) else { return nil }
    return unsafe KernelSet(table)
  }

  /// The fastest set that this processor can run.
  public static var best: KernelSet {
    guard let set = named("auto") else { preconditionFailure("the scalar set always exists") }
    return set
  }

  /// Every set that this processor can run, the slowest first.
  public static var available: [KernelSet] { ["scalar", "avx2", "avx512", "amx", "neon"].compactMap(named) }

  /// The name of the set.
  public var name: String { unsafe String(cString: fs_kernels_name(table)) }

  /// Products with a weight matrix: output[r][n] = Σ over k of input[r][k] · weights[n][k] for all outputs n
  /// of `panels` (16 each) and `rowCount` rows; added to what is there where `accumulate` is set.
  ///
  /// Row r is row `inputIndex[r]` of the input where an index is given, and likewise for the output, whose
  /// rows must then be distinct.
  public func multiply(
    _ weights: PackedPanels, panels: Range<Int>, input: FloatRows, inputIndex: IndexRows? = nil,
    output: FloatRows, outputIndex: IndexRows? = nil, rowCount: Int, accumulate: Bool = false
  ) {
    precondition(!weights.isGatedPair, "a gated pair needs multiplyGated")
    check(weights, panels, input, inputIndex, output, outputIndex, rowCount)
    unsafe withScratch(inputs: weights.inputs, rowCount: rowCount) { scratch, byteCount in
      unsafe fs_matmul(
        table, weights.kernelFormat, weights.panels, weights.inputs, weights.outputs,
        panels.lowerBound, panels.upperBound, input.kernelRows(inputIndex), output.kernelRows(outputIndex),
        rowCount, accumulate, reading, scratch, byteCount)
    }
  }

  /// The gated unit of SwiGLU: output[r][n] = rowScale[r] · silu(input[r] · gate[n]) · (input[r] · up[n]),
  /// with silu(x) = x / (1 + exp(-x)). Indices as for `multiply`; `rowScale` is by r, not by index.
  public func multiplyGated(
    _ weights: PackedPanels, panels: Range<Int>, input: FloatRows, inputIndex: IndexRows? = nil,
    output: FloatRows, outputIndex: IndexRows? = nil, rowCount: Int, rowScale: FloatVectorView? = nil
  ) {
    precondition(weights.isGatedPair, "not a gated pair")
    precondition(rowScale.map { $0.count >= rowCount } ?? true, "too few row scales")
    check(weights, panels, input, inputIndex, output, outputIndex, rowCount)
    unsafe withScratch(inputs: weights.inputs, rowCount: rowCount) { scratch, byteCount in
      unsafe fs_gated_matmul(
        table, weights.kernelFormat, weights.panels, weights.inputs, weights.outputs,
        panels.lowerBound, panels.upperBound, input.kernelRows(inputIndex), output.kernelRows(outputIndex),
        rowCount, rowScale?.base, reading, scratch, byteCount)
    }
  }

  /// RMSNorm of one row: output = input / sqrt(mean(input²) + epsilon) · weight. Input and output may be the
  /// same row.
  public func rmsNorm(
    input: FloatRows, inputRow: Int, weight: FloatVector, epsilon: Float, output: FloatRows, outputRow: Int
  ) {
    let source = unsafe input.row(inputRow)
    let target = unsafe output.row(outputRow)
    precondition(source.count == weight.count && target.count == weight.count, "rows of different length")
    guard let from = source.baseAddress, let to = target.baseAddress, weight.count > 0 else { return }
    unsafe fs_rms_norm(table, from, weight.view.base, epsilon, weight.count, to)
  }

  /// Rotary embedding of `2 * cosines.count` elements of one row from column `offset` on, in place. Pairs are
  /// neighbours where `interleaved`, else an element and the one half the width further.
  public func rotate(
    _ rows: FloatRows, row: Int, offset: Int, cosines: FloatVectorView, sines: FloatVectorView,
    interleaved: Bool
  ) {
    let pairs = cosines.count
    let target = unsafe rows.row(row)
    precondition(sines.count == pairs, "as many sines as cosines")
    precondition(offset >= 0 && offset + 2 * pairs <= target.count, "columns out of range")
    guard let base = target.baseAddress else { return }
    unsafe fs_rotate(base + offset, cosines.base, sines.base, pairs, interleaved)
  }

  /// Index of the greatest element of a row, the first among equals; NaN counts as minus infinity.
  public func argmax(_ rows: FloatRows, row: Int) -> Int {
    let source = unsafe rows.row(row)
    guard let base = source.baseAddress, source.count > 0 else { preconditionFailure("an empty row") }
    return unsafe fs_argmax(table, base, source.count)
  }

  /// output = exp(input - offset), element by element; both may be the same row.
  public func exponentials(_ input: FloatRows, row: Int, offset: Float, output: FloatRows, outputRow: Int) {
    let source = unsafe input.row(row)
    let target = unsafe output.row(outputRow)
    precondition(source.count == target.count, "rows of different length")
    guard let from = source.baseAddress, let to = target.baseAddress else { return }
    unsafe fs_exp(table, from, offset, source.count, to)
  }

  private func check(
    _ weights: PackedPanels, _ panels: Range<Int>, _ input: FloatRows, _ inputIndex: IndexRows?,
    _ output: FloatRows, _ outputIndex: IndexRows?, _ rowCount: Int
  ) {
    precondition(panels.lowerBound >= 0 && panels.upperBound <= weights.panelCount, "panels out of range")
    precondition(input.columns == weights.inputs, "input rows do not fit the weights")
    precondition(output.columns == weights.outputs, "output rows do not fit the weights")
    input.check(inputIndex, rowCount)
    output.check(outputIndex, rowCount)
  }
}

extension FloatRows {
  func kernelRows(_ index: IndexRows?) -> fs_rows {
    unsafe fs_rows(base: base, stride: stride, index: index?.base)
  }

  func check(_ index: IndexRows?, _ rowCount: Int) {
    guard let index else {
      precondition(rowCount <= rows, "more rows than there are")
      return
    }
    precondition(rowCount <= index.count, "more rows than indices")
    for position in 0..<max(0, rowCount) {
      let row = Int(index[position])
      precondition(row >= 0 && row < rows, "row index out of range")
    }
  }
}
