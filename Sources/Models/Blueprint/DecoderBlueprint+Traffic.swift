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
  }

  /// Bytes of weights that a forward reads when its rows chose this many distinct experts, summed over the layers.
  public func weightBytes(distinctExperts: Double) -> Double {
    Double(sharedBytes) + distinctExperts * Double(expertBytes)
  }

  /// Multiply-adds of a prompt of which the last row has logits.
  public func promptMultiplyAdds(tokenCount: Int) -> Double {
    let unneeded = hasHeads ? 0 : Double(lastLayerMultiplyAdds) * Double(max(0, tokenCount - 1))
    return Double(layerMultiplyAdds) * Double(tokenCount) - unneeded + Double(outputMultiplyAdds)
  }

  /// Multiply-adds of a forward whose rows all have logits.
  public func stepMultiplyAdds(rowCount: Int) -> Double {
    Double(layerMultiplyAdds + outputMultiplyAdds) * Double(rowCount)
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
      if case .grouped(let attention) = layer.attention { window = attention.window }
      let floats = layer.attention.cacheWidth * MemoryLayout<Float>.size
      return CacheLayer(bytes: cacheBytes.map { $0[index] } ?? floats, window: window)
    }
  }
}
