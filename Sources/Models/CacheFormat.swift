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

  /// Keys and values in bf16 stand in tiles. Latents do where they are wide or bf16 was asked for: sixteen positions share a
  /// line there, so that writing one moves many lines from worker to worker, which costs more than tiles save on narrow
  /// latents.
  private var heldLayouts: [CacheLayout] {
    let isNarrow = cacheFormat == .bf16 || cacheFormat == .automatic && embedding.format != .f32
    let leastRank = cacheFormat == .bf16 ? 1 : Self.leastTileRank
    return cacheLayouts.map { layout in
      switch layout {
      case .grouped(let heads, let width, _) where isNarrow:
        .grouped(heads: heads, width: width, format: .tiles)
      case .latent(let rank, let rope) where isNarrow && rank >= leastRank:
        .latentTiles(rank: rank, rope: rope)
      default: layout
      }
    }
  }

  private static let leastTileRank = 64
}
