import Checkpoints

/// Llama 1 to 3.3 and the many models that keep its layers (arXiv 2302.13971, 2407.21783).
struct Llama: Architecture {
  static let modelTypes = ["llama"]
  static let classNames = ["LlamaForCausalLM"]
  let blueprint: DecoderBlueprint

  init(_ configuration: ConfigurationObject, hasTensor: (String) -> Bool) throws(LoadError) {
    let hasBias = try configuration.boolIfPresent("attention_bias") ?? false
    var blueprint = try DecoderBlueprint(configuration, modelType: "llama", hasTensor: hasTensor)
    blueprint.layers = try configuration.denseLayers(hidden: blueprint.hidden) { shape, _ in
      GroupedAttentionBlueprint(shape: shape, hasInputBias: hasBias, hasOutputBias: hasBias)
    }
    self.blueprint = blueprint
  }
}
