import CKernels

/// How packed weights hold their elements.
public enum WeightFormat: String, Sendable, CaseIterable {
  /// 32-bit floats.
  case f32
  /// The upper 16 bits of 32-bit floats, rounded to nearest even.
  case bf16
  /// 8-bit integers with one 32-bit float scale per output.
  case int8
  /// 4-bit integers with one bf16 scale per output and 64 inputs.
  case int4

  var kernelFormat: fs_format {
    switch self {
    case .f32: FS_FORMAT_F32
    case .bf16: FS_FORMAT_BF16
    case .int8: FS_FORMAT_INT8
    case .int4: FS_FORMAT_INT4
    }
  }

  func kernelFormat(isCompact: Bool) -> fs_format {
    isCompact ? fs_compact_format(kernelFormat) : kernelFormat
  }

  /// Whether `PackedMatrix.compacted(pool:)` knows a narrower form.
  public var hasCompactForm: Bool { fs_compact_format(kernelFormat) != kernelFormat }
}

/// A weight matrix [outputs, inputs], packed for the kernels in panels of 16 outputs. A gated pair holds two
/// such matrices, their panels alternating.
@safe public final class PackedMatrix: @unchecked Sendable {
  // Sendable: the panels never change after init.

  /// Rows of the weight matrix: elements of an output row. For a gated pair, of each of the two.
  public let outputs: Int
  /// Columns of the weight matrix: elements of an input row.
  public let inputs: Int
  /// How the elements are held.
  public let format: WeightFormat
  /// Whether it was made by `gatedPair`, for `KernelSet.multiplyGated`.
  public let isGatedPair: Bool
  /// Whether the elements are held in fewer bits than their format has, without loss: `compacted(pool:)`.
  public let isCompact: Bool
  /// The panels, 64-byte aligned.
  let panels: UnsafeRawPointer
  /// What keeps them in memory.
  private let owner: AnyObject

  /// The panels without ownership.
  public var view: PackedPanels {
    unsafe PackedPanels(
      outputs: outputs, inputs: inputs, format: format, isGatedPair: isGatedPair, isCompact: isCompact,
      panels: panels)
  }
  /// Panels of 16 outputs, the unit in which work is split. For a gated pair, pairs of panels.
  public var panelCount: Int { view.panelCount }
  /// Bytes of the packed weights.
  public var byteCount: Int { panelCount * (isGatedPair ? 2 : 1) * panelByteCount }

  var panelByteCount: Int { fs_panel_bytes(view.kernelFormat, inputs) }

  /// A matrix whose panels are still to be written.
  init(outputs: Int, inputs: Int, format: WeightFormat, isGatedPair: Bool, isCompact: Bool = false) {
    precondition(outputs >= 0 && inputs >= 0, "negative size")
    self.outputs = outputs
    self.inputs = inputs
    self.format = format
    self.isGatedPair = isGatedPair
    self.isCompact = isCompact
    let count = (outputs + 15) / 16 * (isGatedPair ? 2 : 1)
    let kernelFormat = format.kernelFormat(isCompact: isCompact)
    let memory = WeightArena.shared.block(byteCount: count * fs_panel_bytes(kernelFormat, inputs))
    unsafe panels = UnsafeRawPointer(memory.address)
    owner = memory
  }

  /// A matrix whose panels stand in a file since it was packed, 64-byte aligned from `offset` on; nil where the file ends
  /// before they do.
  public init?(
    outputs: Int, inputs: Int, format: WeightFormat, isGatedPair: Bool, isCompact: Bool,
    mapped file: MappedFile, offset: Int
  ) {
    precondition(outputs >= 0 && inputs >= 0, "negative size")
    self.outputs = outputs
    self.inputs = inputs
    self.format = format
    self.isGatedPair = isGatedPair
    self.isCompact = isCompact
    let kernelFormat = format.kernelFormat(isCompact: isCompact)
    let (size, overflow) = ((outputs + 15) / 16 * (isGatedPair ? 2 : 1))
      .multipliedReportingOverflow(by: fs_panel_bytes(kernelFormat, inputs))
    guard !overflow, !isCompact || format.hasCompactForm, offset >= 0, offset % 64 == 0,
      offset <= file.byteCount,
      size <= file.byteCount - offset,
      let base = unsafe file.address
    else { return nil }
    unsafe panels = base + offset
    owner = file
  }

  /// A copy in memory of its own, made with the threads of a pool. Large memory has huge pages, which a mapped file has
  /// not: kernels read it up to a fifth faster.
  public func copied(pool: WorkerPool) -> PackedMatrix {
    let copy = PackedMatrix(
      outputs: outputs, inputs: inputs, format: format, isGatedPair: isGatedPair, isCompact: isCompact)
    let size = panelByteCount * (isGatedPair ? 2 : 1)
    pool.run { worker in
      let share = worker.share(of: panelCount)
      let target = unsafe UnsafeMutableRawPointer(mutating: copy.panels) + share.lowerBound * size
      unsafe target.copyMemory(from: panels + share.lowerBound * size, byteCount: share.count * size)
    }
    return copy
  }

  /// Packs a matrix that `readRows` delivers in runs of at most 16 rows: it is given row numbers and a dense
  /// buffer [rows, inputs] to fill.
  public convenience init<E: Error>(
    outputs: Int, inputs: Int, format: WeightFormat,
    readRows: (Range<Int>, UnsafeMutableBufferPointer<Float>) throws(E) -> Void
  ) throws(E) {
    self.init(outputs: outputs, inputs: inputs, format: format, isGatedPair: false)
    let staging = AlignedMemory(byteCount: 16 * inputs * MemoryLayout<Float>.stride)
    for panel in 0..<panelCount { try unsafe pack(panel, at: panel, staging: staging, readRows: readRows) }
  }

  /// The same with the threads of a pool; they call `readRows` at the same time.
  public convenience init(
    outputs: Int, inputs: Int, format: WeightFormat, pool: WorkerPool,
    readRows: (Range<Int>, UnsafeMutableBufferPointer<Float>) -> Void
  ) {
    self.init(outputs: outputs, inputs: inputs, format: format, isGatedPair: false)
    pool.run { worker in
      let staging = AlignedMemory(byteCount: 16 * inputs * MemoryLayout<Float>.stride)
      for panel in worker.share(of: panelCount) {
        unsafe pack(panel, at: panel, staging: staging, readRows: readRows)
      }
    }
  }

  /// Packs the gate and up matrices of a gated unit, both [outputs, inputs], panel by panel in turn.
  public static func gatedPair<E: Error>(
    outputs: Int, inputs: Int, format: WeightFormat,
    readGate: (Range<Int>, UnsafeMutableBufferPointer<Float>) throws(E) -> Void,
    readUp: (Range<Int>, UnsafeMutableBufferPointer<Float>) throws(E) -> Void
  ) throws(E) -> PackedMatrix {
    let matrix = PackedMatrix(outputs: outputs, inputs: inputs, format: format, isGatedPair: true)
    let staging = AlignedMemory(byteCount: 16 * inputs * MemoryLayout<Float>.stride)
    for panel in 0..<matrix.panelCount {
      try unsafe matrix.pack(panel, at: 2 * panel, staging: staging, readRows: readGate)
      try unsafe matrix.pack(panel, at: 2 * panel + 1, staging: staging, readRows: readUp)
    }
    return matrix
  }

  /// The same with the threads of a pool; they call the closures at the same time.
  public static func gatedPair(
    outputs: Int, inputs: Int, format: WeightFormat, pool: WorkerPool,
    readGate: (Range<Int>, UnsafeMutableBufferPointer<Float>) -> Void,
    readUp: (Range<Int>, UnsafeMutableBufferPointer<Float>) -> Void
  ) -> PackedMatrix {
    let matrix = PackedMatrix(outputs: outputs, inputs: inputs, format: format, isGatedPair: true)
    pool.run { worker in
      let staging = AlignedMemory(byteCount: 16 * inputs * MemoryLayout<Float>.stride)
      for panel in worker.share(of: matrix.panelCount) {
        unsafe matrix.pack(panel, at: 2 * panel, staging: staging, readRows: readGate)
        unsafe matrix.pack(panel, at: 2 * panel + 1, staging: staging, readRows: readUp)
      }
    }
    return matrix
  }

  /// Packs one panel; only while the matrix is being made, when the panels are its own memory.
  private func pack<E: Error>(
    _ panel: Int, at slot: Int, staging: AlignedMemory,
    readRows: (Range<Int>, UnsafeMutableBufferPointer<Float>) throws(E) -> Void
  ) throws(E) {
    let rows = 16 * panel..<min(16 * panel + 16, outputs)
    let floats = unsafe staging.address.assumingMemoryBound(to: Float.self)
    try unsafe readRows(rows, UnsafeMutableBufferPointer(start: floats, count: rows.count * inputs))
    let target = unsafe UnsafeMutableRawPointer(mutating: panels) + slot * panelByteCount
    unsafe fs_pack_panel(format.kernelFormat, floats, inputs, rows.count, inputs, target)
  }

  /// Calls `body` with the panels' bytes, for writing them to a file.
  public func withPackedBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    try unsafe body(UnsafeRawBufferPointer(start: panels, count: byteCount))
  }

  /// Row `index` of the weights as the kernels see it (rounded for the narrow formats). For a gated pair, of the gate
  /// matrix, or of the up matrix where `up` is true.
  public func dequantizedRow(_ index: Int, up: Bool = false) -> [Float] {
    unsafe [Float](unsafeUninitializedCapacity: inputs) { buffer, count in
      unsafe dequantize(row: index, up: up, into: buffer)
      count = inputs
    }
  }

  /// Writes row `index` of the weights into a row of floats, as an embedding lookup does.
  public func copyDequantizedRow(_ index: Int, to rows: FloatRows, row: Int) {
    precondition(rows.columns == inputs, "row of another length")
    unsafe dequantize(row: index, up: false, into: rows.row(row))
  }

  private func dequantize(row index: Int, up: Bool, into buffer: UnsafeMutableBufferPointer<Float>) {
    precondition(index >= 0 && index < outputs, "row out of range")
    precondition(isGatedPair || !up, "not a gated pair")
    let slot = isGatedPair ? index / 16 * 2 + (up ? 1 : 0) : index / 16
    guard let target = buffer.baseAddress else { return }
    unsafe fs_unpack_row(
      view.kernelFormat, panels + slot * panelByteCount, index % 16, inputs, target)
  }
}
