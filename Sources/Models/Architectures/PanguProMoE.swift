import Checkpoints

/// Pangu Pro MoE 72B: mixture of grouped experts, one of each group, so that groups on different devices carry equal
/// load; biases on all four attention projections; an ungated shared expert (arXiv 2505.21411).
struct PanguProMoE: Architecture {
  static let modelTypes = ["PanguProMoE"]
  static let classNames = ["PanguProMoEForCausalLM"]
  let blueprint: DecoderBlueprint

  init(_ configuration: ConfigurationObject, hasTensor: (String) -> Bool) throws(LoadError) {
    var blueprint = try DecoderBlueprint(
      configuration, modelType: "PanguProMoE", hasTensor: hasTensor, defaultEpsilon: 1e-5)
    let attention = GroupedAttentionBlueprint(
      shape: try configuration.groupedAttentionShape(hidden: blueprint.hidden), hasInputBias: true,
      hasOutputBias: true)
    let mixture = try Self.mixture(configuration)
    let count = try configuration.layerCount()
    let isSparse = try configuration.sparseLayers(count: count)
    // Published configurations have experts in every layer and name no dense width.
    let denseWidth =
      isSparse.allSatisfy { $0 } ? 0 : try configuration.integer("intermediate_size", in: .size)
    blueprint.layers = (0..<count).map { index in
      LayerBlueprint(
        prefix: "model.layers.\(index).", attention: .grouped(attention),
        feedForward: isSparse[index] ? .mixture(mixture) : .dense(width: denseWidth))
    }
    self.blueprint = blueprint
  }

  private static func mixture(_ configuration: ConfigurationObject) throws(LoadError) -> MixtureBlueprint {
    let experts = try configuration.integer("num_experts", in: 1...65536)
    let groups = try configuration.expertsPerToken(of: experts)
    guard experts % groups == 0 else {
      throw configuration.unsuitable(
        "num_experts_per_tok", problem: "does not divide the \(experts) experts into groups",
        accepted: "a divisor of num_experts")
    }
    let sharedWidth = try configuration.integer("shared_expert_intermediate_size", in: 0...(1 << 24))
    return MixtureBlueprint(
      expertWidth: try configuration.integer("moe_intermediate_size", in: .size), expertCount: experts,
      rule: RoutingRule(
        scoring: .softmax, groups: .oneEach(of: groups), expertsPerToken: groups, normalizesWeights: false),
      hasExpertScales: true,
      shared: sharedWidth == 0 ? nil : SharedExpertBlueprint(name: "shared_expert", width: sharedWidth))
  }
}
