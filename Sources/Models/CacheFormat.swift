import Tensors

/// How a model's keys and values are held.
public enum CacheFormat: String, Sendable, CaseIterable {
  /// bf16 beside weights narrower than f32 where that pays, else f32.
  case automatic = "auto"
  /// As they were computed.
  case f32
  /// Keys and values of grouped-query attention take half the memory. Latents stand there twice, as keys and as values, and
  /// take about as much as in f32, but half the arithmetic.
  case bf16
  /// A little more than half of what bf16 takes, and of its arithmetic where vectors multiply: keys with a scale for 64 columns,
  /// values with one of their own. Numbers lose about as much as weights in int8.
  case int8
}

extension CacheFormat {
  /// How layers keep keys and values that would stand as `layouts` in f32, beside weights in f32 or in a narrower format.
  ///
  /// Narrow keys and values stand in tiles. Latents do where they are wide or it was asked for: sixteen positions share a
  /// line there, so that writing one moves many lines from worker to worker, which costs more than tiles save on narrow
  /// latents.
  func layouts(_ layouts: [CacheLayout], besideNarrowWeights: Bool) -> [CacheLayout] {
    let tiles: TileFormat? =
      switch self {
      case .automatic: besideNarrowWeights ? .bf16 : nil
      case .f32: nil
      case .bf16: .bf16
      case .int8: .int8
      }
    guard let tiles else { return layouts }
    let leastRank = self == .automatic ? Self.leastTileRank : 1
    return layouts.map { layout in
      switch layout {
      case .grouped(let heads, let width, _): .grouped(heads: heads, width: width, format: .tiles(tiles))
      case .latent(let rank, let rope) where rank >= leastRank:
        .latentTiles(rank: rank, rope: rope, format: tiles)
      default: layout
      }
    }
  }

  private static let leastTileRank = 64
}

extension ModelDescription {
  /// How keys and values are held where a format is asked for: what automatic comes to for this model.
  public func heldCacheFormat(_ format: CacheFormat, besideNarrowWeights: Bool) -> CacheFormat {
    guard format == .automatic else { return format }
    let layouts = CacheFormat.automatic.layouts(cacheLayouts, besideNarrowWeights: besideNarrowWeights)
    return layouts == cacheLayouts ? .f32 : .bf16
  }

  /// Bytes that one position takes in a cache of a format, all layers together; automatic means beside weights in f32.
  public func cacheBytesPerPosition(_ format: CacheFormat) -> Int {
    let layouts = format.layouts(cacheLayouts, besideNarrowWeights: false)
    return layouts.reduce(0) { $0 + $1.byteCount(positionCount: 64) } / 64
  }
}

extension DecoderModel {
  /// The same model with its keys and values held in `format`.
  public func caching(as format: CacheFormat) -> DecoderModel {
    format == cacheFormat ? self : DecoderModel(self, draftHead: draftHead, cacheFormat: format)
  }

  /// Makes a cache for `slotCount` sequences of at most `capacity` positions.
  public func makeCache(slotCount: Int, capacity: Int) -> KeyValueCache {
    KeyValueCache(slotCount: slotCount, capacity: capacity, layers: heldLayouts)
  }

  /// Bytes that one cached position takes in each layer, those of the MTP heads last.
  public var cacheBytesByLayer: [Int] { heldLayouts.map { $0.byteCount(positionCount: 64) / 64 } }

  /// The format in which keys and values, or most of them, are really held: never automatic.
  public var heldCacheFormat: CacheFormat {
    for layout in heldLayouts {
      switch layout {
      case .grouped(_, _, .tiles(let tiles)), .latentTiles(_, _, let tiles):
        return tiles == .int8 ? .int8 : .bf16
      default: continue
      }
    }
    return .f32
  }

  private var heldLayouts: [CacheLayout] {
    cacheFormat.layouts(description.cacheLayouts, besideNarrowWeights: embedding.format != .f32)
  }
}
