import Checkpoints

/// Qwen3-30B-A3B and Qwen3-235B-A22B: norms of the query and key heads, no shared expert (arXiv 2505.09388).
struct Qwen3MoE: Architecture {
  static let modelTypes = ["qwen3_moe"]
  static let classNames = ["Qwen3MoeForCausalLM"]
  let blueprint: DecoderBlueprint

  init(_ configuration: ConfigurationObject, hasTensor: (String) -> Bool) throws(LoadError) {
    var blueprint = try DecoderBlueprint(configuration, modelType: "qwen3_moe", hasTensor: hasTensor)
    let hasBias = try configuration.boolIfPresent("attention_bias") ?? false
    let isSliding = try configuration.boolIfPresent("use_sliding_window") ?? false
    let attention = GroupedAttentionBlueprint(
      shape: try configuration.groupedAttentionShape(hidden: blueprint.hidden), hasInputBias: hasBias,
      hasOutputBias: hasBias, hasHeadNorms: true,
      window: isSliding ? try configuration.integerIfPresent("sliding_window", in: 1...(1 << 30)) : nil)
    let experts = try configuration.integer(anyOf: ["num_experts", "num_local_experts"], in: 1...65536)
    let mixture = MixtureBlueprint(
      expertWidth: try configuration.integer("moe_intermediate_size", in: .size), expertCount: experts,
      rule: RoutingRule(
        scoring: .softmax, expertsPerToken: try configuration.expertsPerToken(of: experts),
        normalizesWeights: try configuration.boolIfPresent("norm_topk_prob") ?? false))
    let count = try configuration.layerCount()
    let isSparse = try configuration.sparseLayers(count: count)
    let denseWidth = try configuration.integer("intermediate_size", in: .size)
    blueprint.layers = (0..<count).map { index in
      LayerBlueprint(
        prefix: "model.layers.\(index).", attention: .grouped(attention),
        feedForward: isSparse[index] ? .mixture(mixture) : .dense(width: denseWidth))
    }
    self.blueprint = blueprint
  }
}
