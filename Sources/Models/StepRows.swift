public import Tensors

/// The rows of one forward pass: tokens of any number of sequences, side by side.
///
/// A row carries its own position and the cache slot of its sequence, so rows of prompts, of plain decoding and of
/// verification mix freely. Row r attends to positions 0 ... position(r) of its slot; rows of one slot must stand in
/// ascending position order. Capacity is fixed, so that a step allocates nothing.
public final class StepRows {
  /// Token ids, one a row.
  public let tokens: IndexList
  /// Absolute positions, one a row.
  public let positions: IndexList
  /// Cache slots, one a row.
  public let slots: IndexList

  /// Makes an empty list for at most `capacity` rows.
  public init(capacity: Int) {
    tokens = IndexList(capacity: capacity)
    positions = IndexList(capacity: capacity)
    slots = IndexList(capacity: capacity)
  }

  /// Rows at present.
  public var count: Int { tokens.count }

  /// Adds a row.
  public func append(token: Int32, position: Int, slot: Int) {
    tokens.append(token)
    positions.append(Int32(truncatingIfNeeded: position))
    slots.append(Int32(truncatingIfNeeded: slot))
  }

  /// Removes every row.
  public func removeAll() {
    tokens.removeAll()
    positions.removeAll()
    slots.removeAll()
  }
}
