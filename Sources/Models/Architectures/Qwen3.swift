import Checkpoints

/// Qwen3: dense, norms of the query and key heads instead of biases (arXiv 2505.09388).
struct Qwen3: Architecture {
  static let modelTypes = ["qwen3"]
  static let classNames = ["Qwen3ForCausalLM"]
  let blueprint: DecoderBlueprint

  init(_ configuration: ConfigurationObject, hasTensor: (String) -> Bool) throws(LoadError) {
    let hasBias = try configuration.boolIfPresent("attention_bias") ?? false
    var blueprint = try DecoderBlueprint(configuration, modelType: "qwen3", hasTensor: hasTensor)
    let windows = try configuration.slidingWindows(layers: try configuration.layerCount()) { $0 >= $1 }
    blueprint.layers = try configuration.denseLayers(hidden: blueprint.hidden, defaultHead: 128) {
      shape, layer in
      GroupedAttentionBlueprint(
        shape: shape, hasInputBias: hasBias, hasOutputBias: hasBias, hasHeadNorms: true,
        window: windows[layer])
    }
    self.blueprint = blueprint
  }
}
