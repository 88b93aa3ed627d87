import Checkpoints

/// openPangu Ultra MoE 718B: latent attention by names of its own, sandwich norm, a sigmoid router without groups, a
/// multi-token-prediction layer (arXiv 2505.04519). DeepSeek's spellings of the keys are read as well.
struct PanguUltraMoE: Architecture {
  static let modelTypes = ["pangu_ultra_moe"]
  static let classNames = ["PanguUltraMoEForCausalLM", "OpenPanguMoEForCausalLM"]
  let blueprint: DecoderBlueprint

  init(_ configuration: ConfigurationObject, hasTensor: (String) -> Bool) throws(LoadError) {
    var blueprint = try DecoderBlueprint(
      configuration, modelType: "pangu_ultra_moe", hasTensor: hasTensor, defaultEpsilon: 1e-5,
      defaultRotaryBase: 25_600_000,
      rotaryTypes: ["default"])
    let attention = AttentionBlueprint.latent(try configuration.latentAttention())
    let mixture = try Self.mixture(configuration)
    let denseWidth = try configuration.integer("intermediate_size", in: .size)
    let denseLayers =
      try configuration.integerIfPresent(anyOf: ["num_dense_layers", "first_k_dense_replace"], in: 0...4096)
      ?? 0
    // The reference's configuration class has no default for the key; the tensors tell.
    let hasSandwichNorm =
      try configuration.boolIfPresent("sandwich_norm") ?? hasTensor("model.layers.0.pre_mlp_layernorm.weight")
    blueprint.layers = (0..<(try configuration.layerCount())).map { index in
      LayerBlueprint(
        prefix: "model.layers.\(index).", attention: attention,
        feedForward: index < denseLayers ? .dense(width: denseWidth) : .mixture(mixture),
        hasSandwichNorm: hasSandwichNorm)
    }
    try blueprint.addDeepseekHeads(configuration, hasTensor: hasTensor) { prefix in
      LayerBlueprint(
        prefix: prefix, attention: attention, feedForward: .mixture(mixture), hasSandwichNorm: hasSandwichNorm
      )
    }
    self.blueprint = blueprint
  }

  private static func mixture(_ configuration: ConfigurationObject) throws(LoadError) -> MixtureBlueprint {
    let experts = try configuration.integer(anyOf: ["num_routed_experts", "n_routed_experts"], in: 1...65536)
    let width = try configuration.integer("moe_intermediate_size", in: .size)
    let perToken = try configuration.expertsPerToken(of: experts)
    let normalizes = try configuration.boolIfPresent("norm_topk_prob") ?? true
    return MixtureBlueprint(
      expertWidth: width, expertCount: experts,
      rule: RoutingRule(
        scoring: .sigmoid, expertsPerToken: perToken, normalizesWeights: normalizes && perToken > 1,
        scalingFactor: try configuration.floatIfPresent("routed_scaling_factor") ?? 1),
      hasCorrectionBias: try configuration.boolIfPresent("router_enable_expert_bias") ?? false,
      shared: try configuration.deepseekSharedExperts(width: width))
  }
}
