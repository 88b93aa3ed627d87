public import Checkpoints
import Tensors

/// DeepSeek-V3, R1, V3.1: latent attention, sigmoid router with group-limited choice, shared experts, a
/// multi-token-prediction layer at index num_hidden_layers (arXiv 2412.19437).
public struct DeepseekV3: Architecture {
  public static let modelTypes = ["deepseek_v3"]
  let configuration: DeepseekV3Configuration

  public init(_ configuration: ConfigurationObject, hasTensor: (String) -> Bool) throws(LoadError) {
    self.configuration = try DeepseekV3Configuration(configuration, hasTensor: hasTensor)
  }

  public var description: ModelDescription {
    let c = configuration
    let shape = c.attention
    let groups = c.chosenGroups < c.groups ? ", \(c.chosenGroups) of \(c.groups) groups" : ""
    return ModelDescription(
      modelType: "deepseek_v3", hiddenSize: c.hidden, layerCount: c.layers, vocabularySize: c.vocabulary,
      contextLength: c.context, mtpHeadCount: c.mtpHeads,
      attention: "latent, \(shape.heads) heads, rank \(shape.rank)",
      router: "sigmoid with correction bias, top \(c.expertsPerToken) of \(c.routedExperts)\(groups), "
        + "\(c.sharedExperts) shared",
      routedExpertCount: c.routedExperts, expertsPerToken: c.expertsPerToken,
      cacheFloatsPerPosition: (c.layers + c.mtpHeads) * shape.cacheWidth, endOfSequenceTokens: c.endOfSequence)
  }

  public var parameters: [ParameterSpecification] {
    let c = configuration
    var list: [ParameterSpecification] = []
    func add(_ name: String, _ shape: [Int], _ role: ParameterSpecification.Role, layer: Int = 0) {
      list.append(ParameterSpecification(name: name, shape: shape, role: role, isMTP: layer >= c.layers))
    }
    add("model.embed_tokens.weight", [c.vocabulary, c.hidden], .matrix)
    add("model.norm.weight", [c.hidden], .wide)
    if !c.tiesEmbeddings { add("lm_head.weight", [c.vocabulary, c.hidden], .matrix) }
    for layer in 0..<c.layers + c.mtpHeads {
      let prefix = "model.layers.\(layer)."
      func own(_ name: String, _ shape: [Int], _ role: ParameterSpecification.Role = .matrix) {
        add(prefix + name, shape, role, layer: layer)
      }
      own("input_layernorm.weight", [c.hidden], .wide)
      own("post_attention_layernorm.weight", [c.hidden], .wide)
      addAttention(own)
      addFeedForward(own, layer: layer)
      if layer >= c.layers {
        own("enorm.weight", [c.hidden], .wide)
        own("hnorm.weight", [c.hidden], .wide)
        own("eh_proj.weight", [c.hidden, 2 * c.hidden])
        own("shared_head.norm.weight", [c.hidden], .wide)
      }
    }
    return list
  }

  private typealias Adder = (String, [Int], ParameterSpecification.Role) -> Void

  private func addAttention(_ add: Adder) {
    let c = configuration
    let shape = c.attention
    if let rank = shape.queryRank {
      add("self_attn.q_a_proj.weight", [rank, c.hidden], .matrix)
      add("self_attn.q_a_layernorm.weight", [rank], .wide)
      add("self_attn.q_b_proj.weight", [shape.queryWidth, rank], .matrix)
      if c.attentionBias { add("self_attn.q_a_proj.bias", [rank], .wide) }
    } else {
      add("self_attn.q_proj.weight", [shape.queryWidth, c.hidden], .matrix)
    }
    add("self_attn.kv_a_proj_with_mqa.weight", [shape.cacheWidth, c.hidden], .matrix)
    add("self_attn.kv_a_layernorm.weight", [shape.rank], .wide)
    add("self_attn.kv_b_proj.weight", [shape.heads * (shape.nope + shape.value), shape.rank], .matrix)
    add("self_attn.o_proj.weight", [c.hidden, shape.heads * shape.value], .matrix)
    if c.attentionBias {
      add("self_attn.kv_a_proj_with_mqa.bias", [shape.cacheWidth], .wide)
      add("self_attn.o_proj.bias", [c.hidden], .wide)
    }
  }

  private func addFeedForward(_ add: Adder, layer: Int) {
    let c = configuration
    func unit(_ prefix: String, width: Int, _ role: ParameterSpecification.Role) {
      add(prefix + "gate_proj.weight", [width, c.hidden], role)
      add(prefix + "up_proj.weight", [width, c.hidden], role)
      add(prefix + "down_proj.weight", [c.hidden, width], role)
    }
    if layer < c.denseLayers {
      unit("mlp.", width: c.denseWidth, .matrix)
      return
    }
    add("mlp.gate.weight", [c.routedExperts, c.hidden], .wide)
    add("mlp.gate.e_score_correction_bias", [c.routedExperts], .wide)
    for expert in 0..<c.routedExperts { unit("mlp.experts.\(expert).", width: c.expertWidth, .routedExpert) }
    if c.sharedExperts > 0 { unit("mlp.shared_experts.", width: c.sharedWidth, .matrix) }
  }

  public func load(_ reader: TensorReader, options: LoadOptions) throws(LoadError) -> DecoderModel {
    let c = configuration
    let loader = WeightLoader(reader: reader, format: options.format)
    let context = min(options.contextLength, c.context)
    let rotary = RotaryTable(
      configuration: c.rotary, dimension: c.attention.rope, positionCount: context,
      interleaved: c.interleavedRotary)
    let embedding = try loader.matrix("model.embed_tokens.weight", outputs: c.vocabulary, inputs: c.hidden)
    if c.tiesEmbeddings { reader.ignore("lm_head.weight", reason: "tied to model.embed_tokens.weight") }
    let head =
      c.tiesEmbeddings
      ? embedding : try loader.matrix("lm_head.weight", outputs: c.vocabulary, inputs: c.hidden)
    var layers: [DecoderLayer] = []
    for index in 0..<c.layers { layers.append(try layer(index, loader, rotary)) }
    var heads: [MTPHead] = []
    for index in c.layers..<c.layers + c.mtpHeads { heads.append(try mtpHead(index, loader, rotary)) }
    var widths = WorkspaceWidths(
      hidden: c.hidden, vocabulary: c.vocabulary, feedForward: max(c.denseWidth, c.sharedWidth),
      expert: c.expertWidth, expertCount: c.routedExperts, expertsPerToken: c.expertsPerToken)
    c.attention.add(to: &widths)
    return DecoderModel(
      description: description, contextCapacity: context, embedding: embedding, layers: layers,
      finalNorm: try loader.norm("model.norm.weight", count: c.hidden, epsilon: c.epsilon), outputHead: head,
      mtpHeads: heads, widths: widths,
      cacheWidths: Array(repeating: c.attention.cacheWidth, count: c.layers + c.mtpHeads))
  }

  private func layer(_ index: Int, _ loader: WeightLoader, _ rotary: RotaryTable) throws(LoadError) -> DecoderLayer {
    let c = configuration
    let prefix = "model.layers.\(index)."
    loader.reader.ignore(prefix + "self_attn.rotary_emb.inv_freq", reason: "computed from the configuration")
    return DecoderLayer(
      attentionNorm: try loader.norm(prefix + "input_layernorm.weight", count: c.hidden, epsilon: c.epsilon),
      attention: try attention(prefix + "self_attn.", loader, rotary),
      feedForwardNorm: try loader.norm(
        prefix + "post_attention_layernorm.weight", count: c.hidden, epsilon: c.epsilon),
      feedForward: try feedForward(prefix + "mlp.", loader, isDense: index < c.denseLayers))
  }

  private func attention(
    _ prefix: String, _ loader: WeightLoader, _ rotary: RotaryTable
  ) throws(LoadError) -> LatentAttention {
    let c = configuration
    let shape = c.attention
    // The norms inside latent attention keep the default epsilon, whatever rms_norm_eps says.
    let innerEpsilon: Float = 1e-6
    let query = shape.queryRank == nil ? "q_proj" : "q_a_proj"
    let queryOutputs = shape.queryRank ?? shape.queryWidth
    var inputBias: FloatVector?
    var outputBias: FloatVector?
    if c.attentionBias {
      let queryBias =
        shape.queryRank == nil
        ? Array(repeating: 0, count: queryOutputs)
        : try loader.reader.floats(prefix + "q_a_proj.bias", shape: [queryOutputs])
      inputBias = FloatVector(
        queryBias + (try loader.reader.floats(prefix + "kv_a_proj_with_mqa.bias", shape: [shape.cacheWidth])))
      outputBias = try loader.vector(prefix + "o_proj.bias", count: c.hidden)
    }
    var queryNorm: Norm?
    var queryExpansion: PackedMatrix?
    if let rank = shape.queryRank {
      queryNorm = try loader.norm(prefix + "q_a_layernorm.weight", count: rank, epsilon: innerEpsilon)
      queryExpansion = try loader.matrix(prefix + "q_b_proj.weight", outputs: shape.queryWidth, inputs: rank)
    }
    let up = try loader.latentUpProjections(prefix + "kv_b_proj.weight", shape: shape)
    var scale = 1 / Float(shape.queryHead).squareRoot()
    if case .yarn(let yarn) = c.rotary.scaling { scale *= yarn.softmaxFactor }
    return LatentAttention(
      shape: shape,
      inputProjection: Linear(
        weights: try loader.stacked(
          [(prefix + query + ".weight", queryOutputs), (prefix + "kv_a_proj_with_mqa.weight", shape.cacheWidth)],
          inputs: c.hidden), bias: inputBias),
      queryNorm: queryNorm, queryExpansion: queryExpansion,
      latentNorm: try loader.norm(prefix + "kv_a_layernorm.weight", count: shape.rank, epsilon: innerEpsilon),
      keyUp: up.keys, valueUp: up.values,
      output: Linear(
        weights: try loader.matrix(
          prefix + "o_proj.weight", outputs: c.hidden, inputs: shape.heads * shape.value), bias: outputBias),
      scale: scale, rotary: rotary)
  }

  private func feedForward(
    _ prefix: String, _ loader: WeightLoader, isDense: Bool
  ) throws(LoadError) -> DecoderLayer.FeedForward {
    let c = configuration
    if isDense {
      let unit = try loader.gatedFeedForward(prefix, hidden: c.hidden, width: c.denseWidth)
      return .dense(GatedFeedForward(gateAndUp: unit.gateAndUp, down: unit.down))
    }
    var experts: [MixtureOfExperts.Expert] = []
    for expert in 0..<c.routedExperts {
      let unit = try loader.gatedFeedForward(prefix + "experts.\(expert).", hidden: c.hidden, width: c.expertWidth)
      experts.append(MixtureOfExperts.Expert(gateAndUp: unit.gateAndUp, down: unit.down))
    }
    var shared: GatedFeedForward?
    if c.sharedExperts > 0 {
      let unit = try loader.gatedFeedForward(prefix + "shared_experts.", hidden: c.hidden, width: c.sharedWidth)
      shared = GatedFeedForward(gateAndUp: unit.gateAndUp, down: unit.down)
    }
    let router = ExpertRouter(
      weights: try loader.matrix(prefix + "gate.weight", outputs: c.routedExperts, inputs: c.hidden, format: .f32),
      correctionBias: try loader.reader.floats(prefix + "gate.e_score_correction_bias", shape: [c.routedExperts]),
      groupCount: c.groups, chosenGroupCount: c.chosenGroups, expertsPerToken: c.expertsPerToken,
      normalizesWeights: c.normalizesWeights, scalingFactor: c.scalingFactor)
    return .mixture(MixtureOfExperts(router: router, experts: experts, shared: shared))
  }

  private func mtpHead(_ index: Int, _ loader: WeightLoader, _ rotary: RotaryTable) throws(LoadError) -> MTPHead {
    let c = configuration
    let prefix = "model.layers.\(index)."
    loader.reader.ignore(prefix + "embed_tokens.weight", reason: "the MTP layer shares model.embed_tokens.weight")
    loader.reader.ignore(prefix + "shared_head.head.weight", reason: "the MTP layer shares the main output head")
    return MTPHead(
      embeddingNorm: try loader.norm(prefix + "enorm.weight", count: c.hidden, epsilon: c.epsilon),
      hiddenNorm: try loader.norm(prefix + "hnorm.weight", count: c.hidden, epsilon: c.epsilon),
      projection: try loader.matrix(prefix + "eh_proj.weight", outputs: c.hidden, inputs: 2 * c.hidden),
      block: try layer(index, loader, rotary),
      outputNorm: try loader.norm(prefix + "shared_head.norm.weight", count: c.hidden, epsilon: c.epsilon),
      cacheLayer: index)
  }
}
