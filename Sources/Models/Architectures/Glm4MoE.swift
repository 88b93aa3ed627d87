import Checkpoints

/// GLM-4.5, GLM-4.5-Air and their successors of the same type: grouped-query attention rotated in part, optional norms
/// of query and key heads, DeepSeek-V3's router and multi-token-prediction layer (arXiv 2508.06471).
struct Glm4MoE: Architecture {
  static let modelTypes = ["glm4_moe"]
  static let classNames = ["Glm4MoeForCausalLM"]
  let blueprint: DecoderBlueprint

  init(_ configuration: ConfigurationObject, hasTensor: (String) -> Bool) throws(LoadError) {
    var blueprint = try DecoderBlueprint(
      configuration, modelType: "glm4_moe", hasTensor: hasTensor, defaultEpsilon: 1e-5)
    let attention = GroupedAttentionBlueprint(
      shape: try configuration.groupedAttentionShape(hidden: blueprint.hidden, defaultPartialRotary: 0.5),
      hasInputBias: try configuration.boolIfPresent("attention_bias") ?? false,
      hasHeadNorms: try configuration.boolIfPresent("use_qk_norm") ?? false)
    let mixture = try configuration.sigmoidMixture()
    let denseWidth = try configuration.integer("intermediate_size", in: .size)
    let denseLayers = try configuration.integerIfPresent("first_k_dense_replace", in: 0...4096) ?? 1
    blueprint.layers = (0..<(try configuration.layerCount())).map { index in
      LayerBlueprint(
        prefix: "model.layers.\(index).", attention: .grouped(attention),
        feedForward: index < denseLayers ? .dense(width: denseWidth) : .mixture(mixture))
    }
    try blueprint.addDeepseekHeads(configuration, hasTensor: hasTensor) { prefix in
      LayerBlueprint(prefix: prefix, attention: .grouped(attention), feedForward: .mixture(mixture))
    }
    self.blueprint = blueprint
  }
}
