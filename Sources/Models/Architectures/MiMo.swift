import Checkpoints

/// MiMo-7B: Qwen2's dense layers and one multi-token-prediction head with names and a concatenation order of its own
/// (arXiv 2505.07608).
struct MiMo: Architecture {
  static let modelTypes = ["mimo"]
  static let classNames = ["MiMoForCausalLM"]
  let blueprint: DecoderBlueprint

  init(_ configuration: ConfigurationObject, hasTensor: (String) -> Bool) throws(LoadError) {
    if try configuration.boolIfPresent("use_sliding_window") == true {
      throw configuration.unsupported("use_sliding_window", accepted: "false")
    }
    var blueprint = try DecoderBlueprint(configuration, modelType: "mimo", hasTensor: hasTensor)
    blueprint.layers = try configuration.denseLayers(hidden: blueprint.hidden) { shape, _ in
      GroupedAttentionBlueprint(shape: shape, hasInputBias: true)
    }
    let prefix = "model.mtp_layers."
    let named = try configuration.integerIfPresent("num_nextn_predict_layers", in: 0...1) ?? 0
    let hasHead = blueprint.countsHead(named, prefix, probe: "0.input_proj.weight", hasTensor)
    if hasHead, var layer = blueprint.layers.first {
      layer.prefix = prefix + "0."
      blueprint.mtpHeads = [
        MTPBlueprint(
          layer: layer, embeddingNorm: layer.prefix + "token_layernorm",
          hiddenNorm: layer.prefix + "hidden_layernorm", projection: layer.prefix + "input_proj",
          outputNorm: layer.prefix + "final_layernorm", hiddenFirst: true)
      ]
    }
    self.blueprint = blueprint
  }
}
