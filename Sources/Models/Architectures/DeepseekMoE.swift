import Checkpoints

/// DeepSeekMoE 16B: multi-head attention, many small experts with shared ones beside them (arXiv 2401.06066).
struct DeepseekMoE: Architecture {
  static let modelTypes = ["deepseek"]
  static let classNames = ["DeepseekForCausalLM"]
  let blueprint: DecoderBlueprint

  init(_ configuration: ConfigurationObject, hasTensor: (String) -> Bool) throws(LoadError) {
    var blueprint = try DecoderBlueprint(
      configuration, modelType: "deepseek", hasTensor: hasTensor, rotaryTypes: ["default", "linear"])
    let hasBias = try configuration.boolIfPresent("attention_bias") ?? false
    let attention = GroupedAttentionBlueprint(
      shape: try configuration.groupedAttentionShape(hidden: blueprint.hidden), hasInputBias: hasBias,
      hasOutputBias: hasBias)
    let experts = try configuration.integer("n_routed_experts", in: 1...65536)
    let width = try configuration.integer("moe_intermediate_size", in: .size)
    let perToken = try configuration.expertsPerToken(of: experts)
    let normalizes = try configuration.boolIfPresent("norm_topk_prob") ?? false
    _ = try configuration.stringIfPresent("scoring_func", oneOf: ["softmax"])
    _ = try configuration.integerIfPresent("moe_layer_freq", in: 1...1)
    let mixture = MixtureBlueprint(
      expertWidth: width, expertCount: experts,
      rule: RoutingRule(
        scoring: .softmax, expertsPerToken: perToken, normalizesWeights: normalizes && perToken > 1),
      shared: try configuration.deepseekSharedExperts(width: width))
    let denseLayers = try configuration.integerIfPresent("first_k_dense_replace", in: 0...4096) ?? 0
    let denseWidth = try configuration.integer("intermediate_size", in: .size)
    blueprint.layers = (0..<(try configuration.layerCount())).map { index in
      LayerBlueprint(
        prefix: "model.layers.\(index).", attention: .grouped(attention),
        feedForward: index < denseLayers ? .dense(width: denseWidth) : .mixture(mixture))
    }
    self.blueprint = blueprint
  }
}
