public import Tensors

/// A tensor of a checkpoint, checked and ready to be read as rows of floats.
///
/// The last dimension is a row's length and all others together count the rows; a vector or scalar is one row. Rows
/// are converted when they are read, so a matrix can be packed piece by piece without a float copy of the whole.
/// Reading from several threads at once is fine.
public struct TensorSource: Sendable {
  /// The tensor's name.
  public let name: String
  /// How its elements are stored.
  public let elementType: ElementType
  /// The number of rows.
  public let rows: Int
  /// Elements of a row.
  public let columns: Int

  let file: MappedFile
  let bytes: Range<Int>
  let scales: BlockScales?

  /// Converts rows to floats, one after the other, into `destination`, which must hold `range.count * columns`.
  ///
  /// - Complexity: O(`range.count * columns`); pages are read from the file when they are first touched.
  public func readRows(_ range: Range<Int>, into destination: UnsafeMutableBufferPointer<Float>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows outside the tensor")
    precondition(destination.count == range.count * columns, "the destination does not fit the rows")
    let rowBytes = columns * elementType.byteWidth
    let start = bytes.lowerBound + range.lowerBound * rowBytes
    unsafe file.withBytes(start..<start + range.count * rowBytes) { source in
      unsafe convert(elementType, bytes: source, into: destination)
    }
    if let scales { unsafe scales.apply(to: destination, rows: range, columns: columns) }
  }

  /// Rows as a new array.
  public func floats(rows range: Range<Int>) -> [Float] {
    unsafe [Float](unsafeUninitializedCapacity: range.count * columns) { buffer, count in
      count = range.count * columns
      unsafe readRows(range, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
    }
  }

  /// Tells the system that rows will be read soon, so that it may read ahead.
  public func willReadRows(_ range: Range<Int>) { file.willNeed(byteRange(range)) }

  /// Tells the system that rows will not be read again soon, so that their pages may leave memory.
  public func didReadRows(_ range: Range<Int>) { file.doneWith(byteRange(range)) }

  private func byteRange(_ range: Range<Int>) -> Range<Int> {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows outside the tensor")
    let rowBytes = columns * elementType.byteWidth
    return bytes.lowerBound + range.lowerBound * rowBytes..<bytes.lowerBound + range.upperBound * rowBytes
  }
}

/// The scales of an FP8 matrix, one for each block.
struct BlockScales: Sendable {
  let blocks: BlockQuantization
  /// Scales of one row of blocks.
  let blockColumns: Int
  let elementType: ElementType
  let file: MappedFile
  let bytes: Range<Int>

  /// Multiplies converted rows with their blocks' scales.
  func apply(to values: UnsafeMutableBufferPointer<Float>, rows: Range<Int>, columns: Int) {
    if columns == 0 { return }
    var scales: [Float] = []
    var loadedBlockRow = -1
    for (offset, row) in rows.enumerated() {
      if row / blocks.rows != loadedBlockRow {
        loadedBlockRow = row / blocks.rows
        scales = load(blockRow: loadedBlockRow)
      }
      let line = unsafe UnsafeMutableBufferPointer(
        rebasing: values[offset * columns..<(offset + 1) * columns])
      for (block, scale) in scales.enumerated() {
        let first = block * blocks.columns
        for column in first..<min(first + blocks.columns, columns) { unsafe line[column] *= scale }
      }
    }
  }

  private func load(blockRow: Int) -> [Float] {
    let rowBytes = blockColumns * elementType.byteWidth
    let start = bytes.lowerBound + blockRow * rowBytes
    return unsafe [Float](unsafeUninitializedCapacity: blockColumns) { buffer, count in
      count = blockColumns
      let destination = unsafe UnsafeMutableBufferPointer(rebasing: buffer[..<blockColumns])
      unsafe file.withBytes(start..<start + rowBytes) { source in
        unsafe convert(elementType, bytes: source, into: destination)
      }
    }
  }
}
