import Checkpoints
import Tensors

/// The hyperparameters of a DeepSeek-V3 class model (arXiv 2412.19437), by either spelling of config.json.
struct DeepseekV3Configuration: Sendable {
  let hidden: Int
  let layers: Int
  let denseLayers: Int
  let vocabulary: Int
  let context: Int
  let attention: LatentAttentionShape
  let attentionBias: Bool
  let denseWidth: Int
  let expertWidth: Int
  let routedExperts: Int
  let sharedExperts: Int
  let expertsPerToken: Int
  let groups: Int
  let chosenGroups: Int
  let normalizesWeights: Bool
  let scalingFactor: Float
  let epsilon: Float
  let tiesEmbeddings: Bool
  let mtpHeads: Int
  let rotary: RotaryConfiguration
  let interleavedRotary: Bool
  let endOfSequence: [Int32]

  /// Width of the shared expert; 0 without one.
  var sharedWidth: Int { expertWidth * sharedExperts }

  init(_ configuration: ConfigurationObject, hasTensor: (String) -> Bool) throws(LoadError) {
    let size = 1...(1 << 24)
    hidden = try configuration.integer("hidden_size", in: size)
    layers = try configuration.integer("num_hidden_layers", in: 1...4096)
    vocabulary = try configuration.integer("vocab_size", in: size)
    context = try configuration.integer("max_position_embeddings", in: 1...(1 << 30))
    epsilon = Float(try configuration.doubleIfPresent("rms_norm_eps") ?? 1e-6)
    let rope = try configuration.integer("qk_rope_head_dim", in: 2...4096)
    guard rope % 2 == 0 else {
      throw configuration.unsuitable("qk_rope_head_dim", accepted: "an even number")
    }
    attention = LatentAttentionShape(
      heads: try configuration.integer("num_attention_heads", in: 1...4096),
      rank: try configuration.integer("kv_lora_rank", in: size), rope: rope,
      nope: try configuration.integer("qk_nope_head_dim", in: size),
      value: try configuration.integer("v_head_dim", in: size),
      queryRank: try configuration.integerIfPresent("q_lora_rank", in: size))
    attentionBias = try configuration.boolIfPresent("attention_bias") ?? false
    denseWidth = try configuration.integer("intermediate_size", in: size)
    expertWidth = try configuration.integer("moe_intermediate_size", in: size)
    routedExperts = try configuration.integer(anyOf: ["n_routed_experts", "num_local_experts"], in: 1...65536)
    sharedExperts = try configuration.integerIfPresent("n_shared_experts", in: 0...1024) ?? 0
    denseLayers = min(try configuration.integerIfPresent("first_k_dense_replace", in: 0...4096) ?? 0, layers)
    expertsPerToken = try configuration.integer("num_experts_per_tok", in: 1...1024)
    groups = try configuration.integerIfPresent("n_group", in: 1...64) ?? 1
    chosenGroups = try configuration.integerIfPresent("topk_group", in: 1...64) ?? groups
    normalizesWeights = try configuration.boolIfPresent("norm_topk_prob") ?? true
    scalingFactor = Float(try configuration.doubleIfPresent("routed_scaling_factor") ?? 1)
    tiesEmbeddings = try configuration.boolIfPresent("tie_word_embeddings") ?? false
    // Published configurations name the number; where they do not, the reference takes one head for granted.
    let namedHeads = try configuration.integerIfPresent(
      anyOf: ["num_nextn_predict_layers", "num_mtp_layers"], in: 0...1)
    mtpHeads = namedHeads ?? (hasTensor("model.layers.\(layers).eh_proj.weight") ? 1 : 0)
    rotary = try RotaryConfiguration(configuration)
    interleavedRotary = try configuration.boolIfPresent("rope_interleave") ?? true
    endOfSequence = try configuration.tokenIDs("eos_token_id", vocabulary: vocabulary)
    try checkRouting(configuration)
    _ = try configuration.stringIfPresent("hidden_act", oneOf: ["silu"])
    _ = try configuration.stringIfPresent("scoring_func", oneOf: ["sigmoid"])
    _ = try configuration.stringIfPresent("topk_method", oneOf: ["noaux_tc"])
    _ = try configuration.integerIfPresent("moe_layer_freq", in: 1...1)
  }

  private func checkRouting(_ configuration: ConfigurationObject) throws(LoadError) {
    guard routedExperts % groups == 0, groups == 1 || routedExperts / groups >= 2 else {
      throw configuration.unsuitable(
        "n_group", problem: "does not divide the \(routedExperts) routed experts",
        accepted: "a divisor of n_routed_experts with at least two experts a group")
    }
    guard chosenGroups <= groups else {
      throw configuration.unsuitable("topk_group", accepted: "1 to n_group (\(groups))")
    }
    let reachable = routedExperts / groups * chosenGroups
    guard expertsPerToken <= reachable else {
      throw configuration.unsuitable(
        "num_experts_per_tok", accepted: "1 to \(reachable), the experts in the chosen groups")
    }
  }
}

extension ConfigurationObject {
  /// The token ids of a key that holds one id, a list of ids, null or nothing.
  func tokenIDs(_ key: String, vocabulary: Int) throws(LoadError) -> [Int32] {
    let range = 0...(vocabulary - 1)
    guard has(key) else { return [] }
    if let single = try? integer(key, in: range) { return [Int32(truncatingIfNeeded: single)] }
    return try integers(key, in: range).map { Int32(truncatingIfNeeded: $0) }
  }
}
