public import Tensors

/// Keys and values of every layer, for a fixed number of sequences ("slots") of a fixed capacity in positions.
///
/// Position p of a slot is always the same memory, so rejected drafts need no rollback: the next step writes its rows
/// over them. Memory is reserved at once and touched only as positions are written.
public final class KeyValueCache: Sendable {
  /// Sequences that the cache holds.
  public let slotCount: Int
  /// Positions a sequence can have.
  public let capacity: Int
  private let layers: [FloatMatrix]  // each [slots * capacity, width of that layer]

  /// Makes a cache for layers of the given widths (floats per position).
  public init(slotCount: Int, capacity: Int, layerWidths: [Int]) {
    self.slotCount = slotCount
    self.capacity = capacity
    layers = layerWidths.map { FloatMatrix(rows: slotCount * capacity, columns: $0) }
  }

  /// The positions of one sequence in one layer, [capacity, width].
  public func positions(layer: Int, slot: Int) -> FloatRows {
    layers[layer].view.rows(slot * capacity..<(slot + 1) * capacity)
  }

  /// Bytes that `positionCount` cached positions of one sequence occupy.
  public func byteCount(positionCount: Int) -> Int {
    layers.reduce(0) { $0 + $1.stride } * positionCount * MemoryLayout<Float>.size
  }
}
