import Checkpoints

extension ConfigurationObject {
  /// Experts that a token uses, at most `experts`.
  func expertsPerToken(of experts: Int) throws(LoadError) -> Int {
    let count = try integer("num_experts_per_tok", in: 1...1024)
    guard count <= experts else { throw unsuitable("num_experts_per_tok", accepted: "1 to \(experts)") }
    return count
  }

  /// The expert groups of DeepSeek's routers: `n_group` of equal size, of which `topk_group` are kept.
  func expertGroups(
    experts: Int, expertsPerToken: Int, minimumSize: Int
  ) throws(LoadError) -> (kept: Int, count: Int) {
    let groups = try integerIfPresent("n_group", in: 1...64) ?? 1
    let kept = try integerIfPresent("topk_group", in: 1...64) ?? groups
    guard experts % groups == 0, groups == 1 || experts / groups >= minimumSize else {
      throw unsuitable(
        "n_group", problem: "does not divide the \(experts) routed experts",
        accepted: "a divisor of n_routed_experts with at least \(minimumSize) experts a group")
    }
    guard kept <= groups else { throw unsuitable("topk_group", accepted: "1 to n_group (\(groups))") }
    let reachable = experts / groups * kept
    guard expertsPerToken <= reachable else {
      throw unsuitable("num_experts_per_tok", accepted: "1 to \(reachable), the experts in the chosen groups")
    }
    return (kept, groups)
  }

  /// DeepSeek's shared experts, which form one unit as wide as all of them; nil without any.
  func deepseekSharedExperts(width: Int) throws(LoadError) -> SharedExpertBlueprint? {
    let count = try integerIfPresent(anyOf: ["n_shared_experts", "num_shared_experts"], in: 0...1024) ?? 0
    return count == 0
      ? nil : SharedExpertBlueprint(name: "shared_experts", width: count * width, count: count)
  }

  /// DeepSeek-V3's mixture (arXiv 2412.19437 §2.1.2), which GLM-4.5 shares: sigmoid scores, a correction bias, groups ranked
  /// by their two best experts.
  func sigmoidMixture() throws(LoadError) -> MixtureBlueprint {
    let experts = try integer(anyOf: ["n_routed_experts", "num_local_experts"], in: 1...65536)
    let width = try integer("moe_intermediate_size", in: .size)
    let perToken = try integer("num_experts_per_tok", in: 1...1024)
    let groups = try expertGroups(experts: experts, expertsPerToken: perToken, minimumSize: 2)
    _ = try stringIfPresent("scoring_func", oneOf: ["sigmoid"])
    _ = try stringIfPresent("topk_method", oneOf: ["noaux_tc"])
    _ = try integerIfPresent("moe_layer_freq", in: 1...1)
    return MixtureBlueprint(
      expertWidth: width, expertCount: experts,
      rule: RoutingRule(
        scoring: .sigmoid, groups: .bestPairs(kept: groups.kept, of: groups.count), expertsPerToken: perToken,
        normalizesWeights: try boolIfPresent("norm_topk_prob") ?? true,
        scalingFactor: try floatIfPresent("routed_scaling_factor") ?? 1),
      hasCorrectionBias: true, shared: try deepseekSharedExperts(width: width))
  }

  /// Which layers have experts, as the Qwen families configure it: those that `mlp_only_layers` does not name, and of
  /// these every `decoder_sparse_step`-th.
  func sparseLayers(count: Int) throws(LoadError) -> [Bool] {
    let dense = try integersIfPresent("mlp_only_layers", in: 0...4096) ?? []
    let step = try integerIfPresent("decoder_sparse_step", in: 1...4096) ?? 1
    return (0..<count).map { !dense.contains($0) && ($0 + 1) % step == 0 }
  }
}
