import CKernels

/// The panels of a `PackedMatrix`: a view without ownership. The matrix must outlive it.
///
/// Kernels take views, because to count references on a matrix that all workers use makes them contend for the count.
@safe public struct PackedPanels: @unchecked Sendable {
  // Sendable: it only reads, and the panels never change.

  /// Rows of the weight matrix: elements of an output row. For a gated pair, of each of the two.
  public let outputs: Int
  /// Columns of the weight matrix: elements of an input row.
  public let inputs: Int
  /// How the elements are held.
  public let format: WeightFormat
  /// Whether it was made by `PackedMatrix.gatedPair`, for `KernelSet.multiplyGated`.
  public let isGatedPair: Bool
  /// Whether the elements are held in fewer bits than their format has, without loss: `PackedMatrix.compacted(pool:)`.
  public let isCompact: Bool
  let panels: UnsafeRawPointer

  init(
    outputs: Int, inputs: Int, format: WeightFormat, isGatedPair: Bool, isCompact: Bool,
    panels: UnsafeRawPointer
  ) {
    self.outputs = outputs
    self.inputs = inputs
    self.format = format
    self.isGatedPair = isGatedPair
    self.isCompact = isCompact
    unsafe self.panels = panels
  }

  /// Outputs of a panel.
  public static let width = 16

  /// Panels of 16 outputs, the unit in which work is split. For a gated pair, pairs of panels.
  public var panelCount: Int { (outputs + Self.width - 1) / Self.width }

  /// Where a panel begins, or a pair of panels.
  func address(of panel: Int) -> UnsafeRawPointer {
    unsafe panels + panel * (isGatedPair ? 2 : 1) * fs_panel_bytes(kernelFormat, inputs)
  }

  var kernelFormat: fs_format { format.kernelFormat(isCompact: isCompact) }
}
