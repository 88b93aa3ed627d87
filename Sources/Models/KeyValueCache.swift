public import Tensors

/// How a layer keeps what it has seen of a sequence.
public enum CacheLayout: Sendable, Equatable {
  /// Latent and rotary key of latent attention: one row of floats for each position.
  case latent(rank: Int, rope: Int)
  /// The same in bf16 or int8, laid out for products of pairs or fours and tiles.
  case latentTiles(rank: Int, rope: Int, format: TileFormat = .bf16)
  /// Keys and values of grouped-query attention, head by head.
  case grouped(heads: Int, width: Int, format: GroupedCache.Format = .floats)

  /// Bytes that `positionCount` positions of one sequence occupy.
  func byteCount(positionCount: Int) -> Int {
    let floats =
      switch self {
      case .latent(let rank, let rope): (rank + rope) * positionCount
      case .latentTiles(let rank, let rope, let format):
        LatentCache.floatCount(rank: rank, rope: rope, capacity: 32, format: format) * positionCount / 32
      case .grouped(let heads, let width, let format):
        heads * GroupedCache.floatCount(width: width, capacity: 64, format: format) * positionCount / 64
      }
    return floats * MemoryLayout<Float>.size
  }
}

/// Keys and values of every layer, for a fixed number of sequences ("slots") of a fixed capacity in positions.
///
/// Position p of a slot is always the same memory, so rejected drafts need no rollback: the next step writes its rows
/// over them. Memory is reserved at once and touched only as positions are written.
public final class KeyValueCache: Sendable {
  /// Sequences that the cache holds.
  public let slotCount: Int
  /// Positions a sequence can have.
  public let capacity: Int
  private let layouts: [CacheLayout]
  private let layers: [FloatMatrix]  // [slots * capacity, width], [slots, floats] or [slots * heads, floats]

  /// Makes a cache for layers of the given layouts.
  public init(slotCount: Int, capacity: Int, layers: [CacheLayout]) {
    self.slotCount = slotCount
    self.capacity = capacity
    layouts = layers
    self.layers = layers.map { layout in
      switch layout {
      case .latent(let rank, let rope): FloatMatrix(rows: slotCount * capacity, columns: rank + rope)
      case .latentTiles(let rank, let rope, let format):
        FloatMatrix(
          rows: slotCount,
          columns: LatentCache.floatCount(rank: rank, rope: rope, capacity: capacity, format: format))
      case .grouped(let heads, let width, let format):
        FloatMatrix(
          rows: slotCount * heads,
          columns: GroupedCache.floatCount(width: width, capacity: capacity, format: format))
      }
    }
  }

  /// The positions of one sequence in one layer of latent attention, [capacity, rank + rope].
  public func positions(layer: Int, slot: Int) -> FloatRows {
    guard case .latent = layouts[layer] else { preconditionFailure("a layer without rows") }
    return layers[layer].view.rows(slot * capacity..<(slot + 1) * capacity)
  }

  /// What one sequence has in one layer of latent attention in tiles; nil in layers that keep rows of floats.
  public func latent(layer: Int, slot: Int) -> LatentCache? {
    guard case .latentTiles(let rank, let rope, let format) = layouts[layer] else { return nil }
    return LatentCache(
      memory: layers[layer].view.rows(slot..<slot + 1), rank: rank, rope: rope, capacity: capacity,
      format: format)
  }

  /// The keys and values of one sequence in one layer of grouped-query attention.
  public func grouped(layer: Int, slot: Int) -> GroupedCache {
    guard case .grouped(let heads, let width, let format) = layouts[layer] else {
      preconditionFailure("a layer without key-value heads")
    }
    let memory = layers[layer].view.rows(slot * heads..<(slot + 1) * heads)
    return GroupedCache(memory: memory, width: width, capacity: capacity, format: format)
  }

  /// Bytes that `positionCount` cached positions of one sequence occupy.
  public func byteCount(positionCount: Int) -> Int {
    layouts.reduce(0) { $0 + $1.byteCount(positionCount: positionCount) }
  }

  /// Writes the numbers, which must be finite, over and over to all memory that positions 0 ..< `positionCount` of a slot have: for
  /// measurements, where what stands in the cache does not matter, but that it is really there does. Integers are made of them,
  /// position by position, so that their scales are such.
  public func fill(slot: Int, positionCount: Int, with numbers: [Float]) {
    precondition(positionCount >= 0 && positionCount <= capacity && !numbers.isEmpty, "positions")
    for (index, (layout, layer)) in zip(layouts, layers).enumerated() {
      if store(numbers, layer: index, slot: slot, positionCount: positionCount) { continue }
      let rows: Range<Int>
      let columns: Int
      switch layout {
      case .latent(let rank, let rope):
        rows = slot * capacity..<slot * capacity + positionCount
        columns = rank + rope
      case .latentTiles(let rank, let rope, let format):
        rows = slot..<slot + 1
        columns = LatentCache.floatCount(rank: rank, rope: rope, capacity: positionCount, format: format)
      case .grouped(let heads, let width, let format):
        rows = slot * heads..<(slot + 1) * heads
        columns = GroupedCache.floatCount(width: width, capacity: positionCount, format: format)
      }
      var next = 0
      for row in rows {
        layer.view.withRow(row) { elements in
          for column in 0..<columns {
            elements[column] = numbers[next]
            next = next + 1 == numbers.count ? 0 : next + 1
          }
        }
      }
    }
  }

  /// Does so where a layer holds integers; says whether it does.
  private func store(_ numbers: [Float], layer: Int, slot: Int, positionCount: Int) -> Bool {
    let variety = 61
    func rows(_ width: Int) -> FloatMatrix {
      let matrix = FloatMatrix(rows: variety, columns: width)
      for row in 0..<variety {
        matrix.view.withRow(row) { elements in
          for column in 0..<width { elements[column] = numbers[(row * width + column) % numbers.count] }
        }
      }
      return matrix
    }
    switch layouts[layer] {
    case .latentTiles(let rank, let rope, .int8):
      guard let cache = latent(layer: layer, slot: slot) else { return false }
      let source = rows(rank + rope)
      for position in 0..<positionCount {
        cache.store(position: position, from: source.view, row: position % variety)
      }
    case .grouped(let heads, let width, .tiles(.int8)):
      let cache = grouped(layer: layer, slot: slot)
      let source = rows(width)
      for head in 0..<heads {
        for position in 0..<positionCount {
          cache.store(
            head: head, position: position, keys: source.view, values: source.view, row: position % variety)
        }
      }
    default: return false
    }
    return true
  }
}
