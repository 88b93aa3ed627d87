public import Tensors

/// How a model's keys and values are held.
public enum CacheFormat: String, Sendable, CaseIterable {
  /// bf16 beside weights narrower than f32 where that pays, else f32.
  case automatic = "auto"
  /// As they were computed.
  case f32
  /// Half the memory, and half of what a long context takes to read.
  case bf16
}

extension DecoderModel {
  /// The same model with its keys and values held in `format`; nil where a kernel set cannot: latents are bf16 in tiles alone.
  public func caching(as format: CacheFormat, kernels: KernelSet) -> DecoderModel? {
    if format == .bf16, !kernels.hasAttentionTiles {
      for layout in cacheLayouts { if case .latent = layout { return nil } }
    }
    return format == cacheFormat ? self : DecoderModel(self, draftHead: draftHead, cacheFormat: format)
  }

  /// Makes a cache for `slotCount` sequences of at most `capacity` positions, for forwards with this kernel set.
  public func makeCache(slotCount: Int, capacity: Int, kernels: KernelSet) -> KeyValueCache {
    KeyValueCache(slotCount: slotCount, capacity: capacity, layers: layouts(kernels))
  }

  /// Bytes that one cached position takes in each layer, those of the MTP heads last.
  public func cacheBytesByLayer(kernels: KernelSet) -> [Int] {
    layouts(kernels).map { $0.byteCount(positionCount: 64) / 64 }
  }

  /// Keys and values of grouped-query attention in bf16 stand in tiles where the set has them. Latents do where they are wide
  /// or bf16 was asked for: sixteen positions share a line in tiles, so that writing one moves many lines from worker to
  /// worker, which costs more than tiles save on narrow latents.
  private func layouts(_ kernels: KernelSet) -> [CacheLayout] {
    let isNarrow = cacheFormat == .bf16 || cacheFormat == .automatic && embedding.format != .f32
    let hasTiles = kernels.hasAttentionTiles
    let leastRank = cacheFormat == .bf16 ? 1 : Self.leastTileRank
    return cacheLayouts.map { layout in
      switch layout {
      case .grouped(let heads, let width, _) where isNarrow:
        .grouped(heads: heads, width: width, format: hasTiles ? .tiles : .halves)
      case .latent(let rank, let rope) where isNarrow && hasTiles && rank >= leastRank:
        .latentTiles(rank: rank, rope: rope)
      default: layout
      }
    }
  }

  private static let leastTileRank = 128
}
