import Checkpoints

/// Qwen1.5, Qwen2 and Qwen2.5: dense, biases on queries, keys and values (arXiv 2407.10671, 2412.15115).
struct Qwen2: Architecture {
  static let modelTypes = ["qwen2"]
  static let classNames = ["Qwen2ForCausalLM"]
  let blueprint: DecoderBlueprint

  init(_ configuration: ConfigurationObject, hasTensor: (String) -> Bool) throws(LoadError) {
    var blueprint = try DecoderBlueprint(configuration, modelType: "qwen2", hasTensor: hasTensor)
    let windows = try configuration.slidingWindows(layers: try configuration.layerCount()) { $0 >= $1 }
    blueprint.layers = try configuration.denseLayers(hidden: blueprint.hidden) { shape, layer in
      GroupedAttentionBlueprint(shape: shape, hasInputBias: true, window: windows[layer])
    }
    self.blueprint = blueprint
  }
}
