import Checkpoints

/// MiMo-7B: Qwen2's dense layers and multi-token-prediction heads with names and a concatenation order of their own; the
/// published one has one head (arXiv 2505.07608).
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
    let named = try configuration.integerIfPresent(
      "num_nextn_predict_layers", in: DecoderBlueprint.headCounts)
    let probes = ["input_proj.weight", "token_layernorm.weight", "hidden_layernorm.weight"]
    let count = blueprint.countHeads(named ?? 0, probes: probes, hasTensor) { "model.mtp_layers.\($0)." }
    if let layer = blueprint.layers.first {
      blueprint.mtpHeads = (0..<count).map { Self.head($0, like: layer) }
    }
    self.blueprint = blueprint
  }

  private static func head(_ head: Int, like layer: LayerBlueprint) -> MTPBlueprint {
    var layer = layer
    layer.prefix = "model.mtp_layers.\(head)."
    return MTPBlueprint(
      layer: layer, embeddingNorm: layer.prefix + "token_layernorm",
      hiddenNorm: layer.prefix + "hidden_layernorm", projection: layer.prefix + "input_proj",
      outputNorm: layer.prefix + "final_layernorm", hiddenFirst: true)
  }
}
