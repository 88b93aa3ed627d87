import Checkpoints

/// Mixtral 8x7B and 8x22B: grouped-query attention, softmax over all experts, the weights of the chosen ones summing to
/// one (arXiv 2401.04088). With one expert a token this is a Switch layer (arXiv 2101.03961) of weight 1.
struct Mixtral: Architecture {
  static let modelTypes = ["mixtral"]
  static let classNames = ["MixtralForCausalLM"]
  let blueprint: DecoderBlueprint

  init(_ configuration: ConfigurationObject, hasTensor: (String) -> Bool) throws(LoadError) {
    var blueprint = try DecoderBlueprint(
      configuration, modelType: "mixtral", hasTensor: hasTensor, defaultEpsilon: 1e-5,
      defaultRotaryBase: 1_000_000)
    let attention = GroupedAttentionBlueprint(
      shape: try configuration.groupedAttentionShape(hidden: blueprint.hidden),
      window: try configuration.integerIfPresent("sliding_window", in: 1...(1 << 30)))
    let experts = try configuration.integer(anyOf: ["num_local_experts", "num_experts"], in: 1...65536)
    let mixture = MixtureBlueprint(
      prefix: "block_sparse_moe.", expertNames: GatedUnitNames(gate: "w1", up: "w3", down: "w2"),
      expertWidth: try configuration.integer("intermediate_size", in: .size), expertCount: experts,
      rule: RoutingRule(
        scoring: .softmax, expertsPerToken: try configuration.expertsPerToken(of: experts),
        normalizesWeights: true))
    blueprint.layers = (0..<(try configuration.layerCount())).map { index in
      LayerBlueprint(
        prefix: "model.layers.\(index).", attention: .grouped(attention), feedForward: .mixture(mixture))
    }
    self.blueprint = blueprint
  }
}
