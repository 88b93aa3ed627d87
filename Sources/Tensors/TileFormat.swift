import CKernels

/// How a cache in tiles holds its numbers.
public enum TileFormat: Sendable, CaseIterable {
  /// Pairs of columns and pairs of positions side by side, as products of pairs and tiles want them.
  case bf16
  /// Integers of 8 bits by fours, with a scale for 64 columns of a key and for each value.
  case int8

  func shape(keyWidth: Int, valueWidth: Int) -> fs_tiled_shape {
    fs_tiled_shape(
      format: self == .int8 ? FS_TILED_INT8 : FS_TILED_BF16, key_width: keyWidth, value_width: valueWidth)
  }
}
