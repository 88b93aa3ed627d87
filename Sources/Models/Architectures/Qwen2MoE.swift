import Checkpoints

/// Qwen1.5-MoE-A2.7B and Qwen2-57B-A14B: biases on queries, keys and values, a shared expert behind a sigmoid gate
/// (arXiv 2407.10671 §2.2.2).
struct Qwen2MoE: Architecture {
  static let modelTypes = ["qwen2_moe"]
  static let classNames = ["Qwen2MoeForCausalLM"]
  let blueprint: DecoderBlueprint

  init(_ configuration: ConfigurationObject, hasTensor: (String) -> Bool) throws(LoadError) {
    var blueprint = try DecoderBlueprint(configuration, modelType: "qwen2_moe", hasTensor: hasTensor)
    let shape = try configuration.groupedAttentionShape(hidden: blueprint.hidden)
    let hasBias = try configuration.boolIfPresent("qkv_bias") ?? true
    let count = try configuration.layerCount()
    // Every other layer slides, as transformers has it for this family.
    let windows = try configuration.slidingWindows(layers: count) { layer, maximum in
      layer % 2 == 0 && layer < maximum
    }
    let experts = try configuration.integer(anyOf: ["num_experts", "num_local_experts"], in: 1...65536)
    let mixture = MixtureBlueprint(
      expertWidth: try configuration.integer("moe_intermediate_size", in: .size), expertCount: experts,
      rule: RoutingRule(
        scoring: .softmax, expertsPerToken: try configuration.expertsPerToken(of: experts),
        normalizesWeights: try configuration.boolIfPresent("norm_topk_prob") ?? false),
      shared: SharedExpertBlueprint(
        name: "shared_expert", width: try configuration.integer("shared_expert_intermediate_size", in: .size),
        isGated: true))
    let isSparse = try configuration.sparseLayers(count: count)
    let denseWidth = try configuration.integer("intermediate_size", in: .size)
    blueprint.layers = (0..<count).map { index in
      LayerBlueprint(
        prefix: "model.layers.\(index).",
        attention: .grouped(
          GroupedAttentionBlueprint(shape: shape, hasInputBias: hasBias, window: windows[index])),
        feedForward: isSparse[index] ? .mixture(mixture) : .dense(width: denseWidth))
    }
    self.blueprint = blueprint
  }
}
