import Checkpoints

/// DeepSeek-V3, R1, V3.1: latent attention, sigmoid router with group-limited choice, shared experts, a
/// multi-token-prediction layer at index num_hidden_layers (arXiv 2412.19437).
struct DeepseekV3: Architecture {
  static let modelTypes = ["deepseek_v3"]
  static let classNames = ["DeepseekV3ForCausalLM"]
  let blueprint: DecoderBlueprint

  init(_ configuration: ConfigurationObject, hasTensor: (String) -> Bool) throws(LoadError) {
    var blueprint = try DecoderBlueprint(configuration, modelType: "deepseek_v3", hasTensor: hasTensor)
    var attention = try configuration.latentAttention()
    attention.interleavedRotary = try configuration.boolIfPresent("rope_interleave") ?? true
    let mixture = try configuration.sigmoidMixture()
    let denseWidth = try configuration.integer("intermediate_size", in: .size)
    let denseLayers = try configuration.integerIfPresent("first_k_dense_replace", in: 0...4096) ?? 0
    blueprint.layers = (0..<(try configuration.layerCount())).map { index in
      LayerBlueprint(
        prefix: "model.layers.\(index).", attention: .latent(attention),
        feedForward: index < denseLayers ? .dense(width: denseWidth) : .mixture(mixture))
    }
    try blueprint.addDeepseekHeads(configuration, hasTensor: hasTensor) { prefix in
      LayerBlueprint(prefix: prefix, attention: .latent(attention), feedForward: .mixture(mixture))
    }
    self.blueprint = blueprint
  }
}
