import Checkpoints

/// DeepSeek-V2 and V2-Lite: latent attention, softmax router with the choice limited to the groups that hold the best
/// experts (arXiv 2405.04434).
///
/// Weights are always multiplied with routed_scaling_factor and never normalised: norm_topk_prob has no effect, as in
/// transformers (every published configuration says false).
struct DeepseekV2: Architecture {
  static let modelTypes = ["deepseek_v2"]
  static let classNames = ["DeepseekV2ForCausalLM"]
  let blueprint: DecoderBlueprint

  init(_ configuration: ConfigurationObject, hasTensor: (String) -> Bool) throws(LoadError) {
    var blueprint = try DecoderBlueprint(configuration, modelType: "deepseek_v2", hasTensor: hasTensor)
    let attention = AttentionBlueprint.latent(try configuration.latentAttention())
    let mixture = try Self.mixture(configuration)
    let denseLayers = try configuration.integerIfPresent("first_k_dense_replace", in: 0...4096) ?? 0
    let denseWidth = try configuration.integer("intermediate_size", in: .size)
    blueprint.layers = (0..<(try configuration.layerCount())).map { index in
      LayerBlueprint(
        prefix: "model.layers.\(index).", attention: attention,
        feedForward: index < denseLayers ? .dense(width: denseWidth) : .mixture(mixture))
    }
    self.blueprint = blueprint
  }

  private static func mixture(_ configuration: ConfigurationObject) throws(LoadError) -> MixtureBlueprint {
    let experts = try configuration.integer(anyOf: ["n_routed_experts", "num_experts"], in: 1...65536)
    let width = try configuration.integer("moe_intermediate_size", in: .size)
    let perToken = try configuration.expertsPerToken(of: experts)
    var groups = RoutingRule.Groups.none
    let methods = ["greedy", "group_limited_greedy"]
    if try configuration.stringIfPresent("topk_method", oneOf: methods) == "group_limited_greedy" {
      let limits = try configuration.expertGroups(experts: experts, expertsPerToken: perToken, minimumSize: 1)
      groups = .best(kept: limits.kept, of: limits.count)
    }
    _ = try configuration.stringIfPresent("scoring_func", oneOf: ["softmax"])
    _ = try configuration.integerIfPresent("moe_layer_freq", in: 1...1)
    return MixtureBlueprint(
      expertWidth: width, expertCount: experts,
      rule: RoutingRule(
        scoring: .softmax, groups: groups, expertsPerToken: perToken, normalizesWeights: false,
        scalingFactor: try configuration.floatIfPresent("routed_scaling_factor") ?? 1),
      shared: try configuration.deepseekSharedExperts(width: width))
  }
}
