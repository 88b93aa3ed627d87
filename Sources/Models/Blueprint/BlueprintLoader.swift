import Checkpoints
import Tensors

/// Builds a model from its blueprint and a source of weights.
struct BlueprintLoader {
  let blueprint: DecoderBlueprint
  let weights: WeightLoader
  /// Positions to prepare for.
  let contextLength: Int
  /// Cosines and sines, shared by all layers.
  private let rotary: RotaryTable

  /// Most bytes of cosines and sines: thirty times what 262144 positions of heads of 128 take.
  private static let maximumTableBytes = 1 << 32

  init(
    _ blueprint: DecoderBlueprint, source: WeightSource, options: LoadOptions, store: PackedStore? = nil
  ) throws(LoadError) {
    self.blueprint = blueprint
    weights = WeightLoader(
      source: source, format: options.format,
      factory: MatrixFactory(options, store: store))
    contextLength = min(options.contextLength, blueprint.context)
    let dimension: Int
    let interleaved: Bool
    switch blueprint.layers.first?.attention {
    case .latent(let attention):
      dimension = attention.shape.rope
      interleaved = attention.interleavedRotary
    case .grouped(let attention):
      dimension = attention.shape.rotated
      interleaved = false
    case nil:
      dimension = 0
      interleaved = false
    }
    let (bytes, overflow) = contextLength.multipliedReportingOverflow(by: 4 * dimension)
    if overflow || bytes > Self.maximumTableBytes {
      throw LoadError(
        .unsuitable, file: "config.json", problem: "the rotary table would be too large",
        found: "\(dimension) rotated dimensions for \(contextLength) positions",
        accepted: "at most \(Self.maximumTableBytes) bytes, as with a smaller --context")
    }
    rotary = RotaryTable(
      configuration: blueprint.rotary, dimension: dimension, positionCount: contextLength,
      interleaved: interleaved)
  }

  /// The same with other weights.
  private init(_ other: BlueprintLoader, weights: WeightLoader) {
    blueprint = other.blueprint
    contextLength = other.contextLength
    rotary = other.rotary
    self.weights = weights
  }

  /// Reads everything.
  func model() throws(LoadError) -> DecoderModel {
    let source = weights.source
    let size = (outputs: blueprint.vocabulary, inputs: blueprint.hidden)
    let embedding = try weights.sensitive.matrix(
      "model.embed_tokens.weight", outputs: size.outputs, inputs: size.inputs)
    var head = embedding
    if blueprint.tiesEmbeddings {
      source.ignore("lm_head.weight", reason: "tied to model.embed_tokens.weight")
    } else {
      head = try weights.sensitive.matrix("lm_head.weight", outputs: size.outputs, inputs: size.inputs)
    }
    var layers: [DecoderLayer] = []
    for layer in blueprint.layers { layers.append(try self.layer(layer)) }
    var heads: [MTPHead] = []
    for (index, head) in blueprint.mtpHeads.enumerated() {
      heads.append(
        try BlueprintLoader(self, weights: weights.sensitive).mtpHead(head, cacheLayer: layers.count + index))
    }
    for (prefix, reason) in blueprint.ignored { source.ignore(prefix: prefix, reason: reason) }
    weights.factory.finish()
    return DecoderModel(
      description: blueprint.description, contextCapacity: contextLength, embedding: embedding,
      layers: layers,
      finalNorm: try norm("model.norm"), outputHead: head, mtpHeads: heads, widths: blueprint.widths,
      heldShare: weights.factory.heldShare,
      hasCompactWeights: weights.factory.compactFormats.contains(weights.format),
      readsFromMemory: weights.factory.byteCount >= DecoderModel.uncachedBytes)
  }

  /// An RMSNorm over the residual stream.
  private func norm(_ name: String) throws(LoadError) -> Norm {
    try weights.norm(name + ".weight", count: blueprint.hidden, epsilon: blueprint.epsilon)
  }

  private func layer(_ layer: LayerBlueprint) throws(LoadError) -> DecoderLayer {
    let prefix = layer.prefix
    weights.source.ignore(prefix + "self_attn.rotary_emb.inv_freq", reason: "computed from the configuration")
    let attention: Attention
    switch layer.attention {
    case .latent(let latent): attention = .latent(try self.latent(latent, prefix + "self_attn."))
    case .grouped(let grouped): attention = .grouped(try self.grouped(grouped, prefix + "self_attn."))
    }
    // With sandwich norm the name post_attention_layernorm moves to the norm of the attention's result.
    let afterAttention = try norm(prefix + "post_attention_layernorm")
    return DecoderLayer(
      attentionNorm: try norm(prefix + "input_layernorm"), attention: attention,
      attentionOutputNorm: layer.hasSandwichNorm ? afterAttention : nil,
      feedForwardNorm: layer.hasSandwichNorm ? try norm(prefix + "pre_mlp_layernorm") : afterAttention,
      feedForward: try feedForward(layer.feedForward, prefix),
      feedForwardOutputNorm: layer.hasSandwichNorm ? try norm(prefix + "post_mlp_layernorm") : nil)
  }

  private func mtpHead(_ head: MTPBlueprint, cacheLayer: Int) throws(LoadError) -> MTPHead {
    for copy in head.copies { weights.source.ignore(copy, reason: "the MTP head shares the main model's") }
    return MTPHead(
      embeddingNorm: try norm(head.embeddingNorm), hiddenNorm: try norm(head.hiddenNorm),
      projection: try weights.matrix(
        head.projection + ".weight", outputs: blueprint.hidden, inputs: 2 * blueprint.hidden),
      hiddenFirst: head.hiddenFirst, block: try layer(head.layer), outputNorm: try norm(head.outputNorm),
      cacheLayer: cacheLayer)
  }

  private func feedForward(
    _ feedForward: FeedForwardBlueprint, _ prefix: String
  ) throws(LoadError) -> DecoderLayer.FeedForward {
    switch feedForward {
    case .dense(let width):
      return .dense(try weights.gatedUnit(prefix + "mlp.", hidden: blueprint.hidden, width: width))
    case .mixture(let mixture): return .mixture(try self.mixture(mixture, prefix + mixture.prefix))
    }
  }

  private func mixture(_ mixture: MixtureBlueprint, _ prefix: String) throws(LoadError) -> MixtureOfExperts {
    var experts: [GatedFeedForward] = []
    for expert in 0..<mixture.expertCount {
      experts.append(
        try weights.gatedUnit(
          "\(prefix)experts.\(expert).", names: mixture.expertNames, hidden: blueprint.hidden,
          width: mixture.expertWidth))
    }
    var routerRows = [(prefix + "gate.weight", mixture.expertCount)]
    var shared: GatedFeedForward?
    if let expert = mixture.shared {
      shared = try weights.gatedUnit(
        prefix + expert.name + ".", hidden: blueprint.hidden, width: expert.width)
      if expert.isGated { routerRows.append((prefix + "shared_expert_gate.weight", 1)) }
    }
    let count = mixture.expertCount
    let bias =
      mixture.hasCorrectionBias
      ? try weights.source.floats(prefix + "gate.e_score_correction_bias", shape: [count]) : []
    let scales =
      mixture.hasExpertScales ? try weights.source.floats(prefix + "router_scale", shape: [1, count]) : []
    let router = ExpertRouter(
      weights: try weights.stacked(routerRows, inputs: blueprint.hidden, format: .f32), expertCount: count,
      rule: mixture.rule, correctionBias: bias, expertScales: scales)
    return MixtureOfExperts(router: router, experts: experts, shared: shared)
  }
}

// MARK: - Attention

extension BlueprintLoader {
  private func grouped(_ attention: GroupedAttentionBlueprint, _ prefix: String) throws(LoadError)
    -> GroupedAttention
  {
    let shape = attention.shape
    for tensor in [
      "k_proj.kv_cache_scale", "k_proj.kv_cache_offset", "v_proj.kv_cache_scale", "v_proj.kv_cache_offset",
    ] {
      weights.source.ignore(prefix + tensor, reason: "belongs to a quantised key-value cache")
    }
    let inputs = [("q_proj", shape.queryWidth), ("k_proj", shape.keyWidth), ("v_proj", shape.keyWidth)]
    var inputBias: [Float] = []
    if attention.hasInputBias {
      for (name, width) in inputs {
        inputBias += try weights.source.floats(prefix + name + ".bias", shape: [width])
      }
    }
    func headNorm(_ name: String) throws(LoadError) -> Norm? {
      guard attention.hasHeadNorms else { return nil }
      return try weights.norm(prefix + name, count: shape.head, epsilon: blueprint.epsilon)
    }
    return GroupedAttention(
      shape: shape,
      inputProjection: Linear(
        weights: try weights.stacked(
          inputs.map { (prefix + $0.0 + ".weight", $0.1) }, inputs: blueprint.hidden),
        bias: attention.hasInputBias ? FloatVector(inputBias) : nil),
      queryNorm: try headNorm("q_norm.weight"), keyNorm: try headNorm("k_norm.weight"),
      output: Linear(
        weights: try weights.matrix(
          prefix + "o_proj.weight", outputs: blueprint.hidden, inputs: shape.queryWidth),
        bias: attention.hasOutputBias
          ? try weights.vector(prefix + "o_proj.bias", count: blueprint.hidden) : nil),
      window: attention.window, scale: 1 / Float(shape.head).squareRoot(), rotary: rotary)
  }

  private func latent(_ attention: LatentAttentionBlueprint, _ prefix: String) throws(LoadError)
    -> LatentAttention
  {
    let shape = attention.shape
    // The norms inside latent attention keep the default epsilon, whatever rms_norm_eps says.
    let innerEpsilon: Float = 1e-6
    let query = shape.queryRank == nil ? "q_proj" : "q_a_proj"
    let queryOutputs = shape.queryRank ?? shape.queryWidth
    var inputBias: FloatVector?
    var outputBias: FloatVector?
    if attention.hasBias {
      let queryBias =
        shape.queryRank == nil
        ? Array(repeating: 0, count: queryOutputs)
        : try weights.source.floats(prefix + "q_a_proj.bias", shape: [queryOutputs])
      inputBias = FloatVector(
        queryBias + (try weights.source.floats(prefix + "kv_a_proj_with_mqa.bias", shape: [shape.cacheWidth]))
      )
      outputBias = try weights.vector(prefix + "o_proj.bias", count: blueprint.hidden)
    }
    var queryNorm: Norm?
    var queryExpansion: PackedMatrix?
    if let rank = shape.queryRank {
      queryNorm = try weights.norm(prefix + "q_a_layernorm.weight", count: rank, epsilon: innerEpsilon)
      queryExpansion = try weights.matrix(prefix + "q_b_proj.weight", outputs: shape.queryWidth, inputs: rank)
    }
    let up = try weights.latentUpProjections(prefix + "kv_b_proj.weight", shape: shape)
    var scale = 1 / Float(shape.queryHead).squareRoot()
    if case .yarn(let yarn) = blueprint.rotary.scaling { scale *= yarn.softmaxFactor }
    return LatentAttention(
      shape: shape,
      inputProjection: Linear(
        weights: try weights.stacked(
          [
            (prefix + query + ".weight", queryOutputs),
            (prefix + "kv_a_proj_with_mqa.weight", shape.cacheWidth),
          ],
          inputs: blueprint.hidden), bias: inputBias),
      queryNorm: queryNorm, queryExpansion: queryExpansion,
      latentNorm: try weights.norm(
        prefix + "kv_a_layernorm.weight", count: shape.rank, epsilon: innerEpsilon),
      keyUp: up.keys, valueUp: up.values,
      output: Linear(
        weights: try weights.matrix(
          prefix + "o_proj.weight", outputs: blueprint.hidden, inputs: shape.heads * shape.value),
        bias: outputBias),
      scale: scale, rotary: rotary)
  }
}
