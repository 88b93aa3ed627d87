public import Tensors

/// What a forward of the main model has to read and to compute, known from the blueprint alone.
public struct StepTraffic: Sendable, Equatable {
  /// Bytes of weights that every forward reads: all but routed experts and the embedding (of which a row reads one row),
  /// panel padding aside. Includes the output head.
  public var sharedBytes = 0
  /// Bytes of one routed expert of one layer; 0 for a dense model.
  public var expertBytes = 0
  /// Layers with routed experts.
  public var mixtureCount = 0
  /// Routed experts that one row uses in each of those layers.
  public var expertsPerToken = 0
  /// Multiply-adds that the layers take for one row, attention over earlier positions aside.
  public var layerMultiplyAdds = 0
  /// Those of the last layer but for its keys and values, which a row that nobody asks for goes without.
  public var lastLayerMultiplyAdds = 0
  /// Multi-token-prediction heads, whose caches take the hidden rows of a whole prompt.
  private var hasHeads = false
  /// Multiply-adds of one row of logits.
  public var outputMultiplyAdds = 0
  private var cacheLayers: [CacheLayer] = []

  private struct CacheLayer: Sendable, Equatable {
    /// Bytes of one position.
    var bytes: Int
    /// Positions that a row sees; nil for all.
    var window: Int?
    /// Multiply-adds that a row takes for each position that it sees.
    var multiplyAdds: Int

    /// Positions that rows see, together, whose last one stands behind `positionCount` - 1 others.
    func seen(rowCount: Int, positionCount: Int) -> Double {
      let window = window ?? positionCount
      // The rows that see everything before them, and those whose window is full.
      let full = min(max(0, positionCount - window), rowCount)
      let (count, last) = (Double(rowCount - full), Double(positionCount - full))
      return count * last - count * (count - 1) / 2 + Double(full * window)
    }
  }

  /// Bytes of weights that a forward reads when its rows chose this many distinct experts, summed over the layers.
  public func weightBytes(distinctExperts: Double) -> Double {
    Double(sharedBytes) + distinctExperts * Double(expertBytes)
  }

  /// Multiply-adds of a prompt of which the last row has logits, attention over its own positions included.
  public func promptMultiplyAdds(tokenCount: Int) -> Double {
    let unneeded = hasHeads ? 0 : Double(lastLayerMultiplyAdds) * Double(max(0, tokenCount - 1))
    var attention = attentionMultiplyAdds(rowCount: tokenCount, positionCount: tokenCount)
    if !hasHeads, let last = cacheLayers.last {
      let rows = last.seen(rowCount: tokenCount, positionCount: tokenCount)
      attention -= Double(last.multiplyAdds) * (rows - last.seen(rowCount: 1, positionCount: tokenCount))
    }
    return Double(layerMultiplyAdds) * Double(tokenCount) - unneeded + Double(outputMultiplyAdds) + attention
  }

  /// Multiply-adds of a forward whose rows all have logits, the last of which sees `positionCount` positions, itself included.
  public func stepMultiplyAdds(rowCount: Int, positionCount: Int) -> Double {
    Double(layerMultiplyAdds + outputMultiplyAdds) * Double(rowCount)
      + attentionMultiplyAdds(rowCount: rowCount, positionCount: positionCount)
  }

  /// Scores and sums of values, of latents in absorbed form.
  private func attentionMultiplyAdds(rowCount: Int, positionCount: Int) -> Double {
    cacheLayers.reduce(0) {
      $0 + Double($1.multiplyAdds) * $1.seen(rowCount: rowCount, positionCount: positionCount)
    }
  }

  /// Distinct experts, summed over the layers, that a forward of one row reads.
  public var expertsOfOneRow: Int { mixtureCount * expertsPerToken }

  /// Bytes of the key-value cache that one row reads when it sees `positionCount` positions, itself included.
  public func cacheBytes(positionCount: Int) -> Int {
    cacheLayers.reduce(0) { $0 + $1.bytes * min(positionCount, $1.window ?? positionCount) }
  }
}

extension StepTraffic {
  /// Adds up what the main model of an architecture reads with weights held in `format`.
  ///
  /// - Parameters:
  ///   - heldShare: What share of the bytes of their format the weights take (`DecoderModel.heldShare`).
  ///   - cacheBytes: Bytes of a cached position by layer (`DecoderModel.cacheBytesByLayer`); nil for f32.
  public init(
    _ architecture: any Architecture, format: WeightFormat, heldShare: Double = 1, cacheBytes: [Int]? = nil
  ) {
    let blueprint = architecture.blueprint
    let embedding = "model.embed_tokens.weight"
    let parameters = blueprint.parameters.filter { !$0.isMTP }
    let routed = parameters.filter { $0.role == .routedExpert }
    let shared = parameters.filter {
      $0.role != .routedExpert && ($0.name != embedding || blueprint.tiesEmbeddings)
    }
    func byteCount(_ parameters: [ParameterSpecification]) -> Int {
      let plain = ParameterSummary(parameters, description: blueprint.description).byteCount(format)
      return Int(Double(plain) * heldShare)
    }
    func elements(_ parameters: [ParameterSpecification]) -> Int { parameters.reduce(0) { $0 + $1.count } }

    let mixtures = blueprint.layers.compactMap {
      if case .mixture(let mixture) = $0.feedForward { mixture } else { nil }
    }
    let experts = max(1, mixtures.reduce(0) { $0 + $1.expertCount })
    sharedBytes = byteCount(shared)
    expertBytes = byteCount(routed) / experts
    mixtureCount = mixtures.count
    expertsPerToken = mixtures.first?.rule.expertsPerToken ?? 0
    outputMultiplyAdds = blueprint.vocabulary * blueprint.hidden
    layerMultiplyAdds = elements(shared) - outputMultiplyAdds
    layerMultiplyAdds += elements(routed) / experts * expertsOfOneRow
    hasHeads = !blueprint.mtpHeads.isEmpty
    if let last = blueprint.layers.last {
      let own = parameters.filter { parameter in
        parameter.name.hasPrefix(last.prefix)
          && !["k_proj", "v_proj", "kv_a_"].contains { parameter.name.contains(".self_attn." + $0) }
      }
      let routed = own.filter { $0.role == .routedExpert }
      lastLayerMultiplyAdds = elements(own.filter { $0.role != .routedExpert })
      if case .mixture(let mixture) = last.feedForward {
        lastLayerMultiplyAdds +=
          elements(routed) / max(1, mixture.expertCount) * mixture.rule.expertsPerToken
      }
    }
    cacheLayers = blueprint.layers.enumerated().map { index, layer in
      var window: Int?
      let multiplyAdds: Int
      switch layer.attention {
      case .grouped(let attention):
        window = attention.window
        multiplyAdds = 2 * attention.shape.queryWidth
      case .latent(let attention):
        multiplyAdds = attention.shape.heads * (attention.shape.absorbedHead + attention.shape.rank)
      }
      let floats = layer.attention.cacheWidth * MemoryLayout<Float>.size
      return CacheLayer(
        bytes: cacheBytes.map { $0[index] } ?? floats, window: window, multiplyAdds: multiplyAdds)
    }
  }
}
