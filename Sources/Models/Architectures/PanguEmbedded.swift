import Checkpoints

/// openPangu Embedded 1B and 7B: a dense model with biases on all four attention projections, by the key `bias`
/// (arXiv 2505.22375).
struct PanguEmbedded: Architecture {
  static let modelTypes = ["PanguEmbedded"]
  static let classNames = ["PanguEmbeddedForCausalLM"]
  let blueprint: DecoderBlueprint

  init(_ configuration: ConfigurationObject, hasTensor: (String) -> Bool) throws(LoadError) {
    let hasBias = try configuration.boolIfPresent(anyOf: ["bias", "attention_bias"]) ?? true
    var blueprint = try DecoderBlueprint(
      configuration, modelType: "PanguEmbedded", hasTensor: hasTensor, defaultEpsilon: 1e-5)
    blueprint.layers = try configuration.denseLayers(hidden: blueprint.hidden) { shape, _ in
      GroupedAttentionBlueprint(shape: shape, hasInputBias: hasBias, hasOutputBias: hasBias)
    }
    self.blueprint = blueprint
  }
}

extension ConfigurationObject {
  /// The layers of a dense model: grouped-query attention and one SwiGLU unit each.
  func denseLayers(
    hidden: Int, defaultHead: Int? = nil,
    attention: (_ shape: GroupedAttentionShape, _ layer: Int) -> GroupedAttentionBlueprint
  ) throws(LoadError) -> [LayerBlueprint] {
    let shape = try groupedAttentionShape(hidden: hidden, defaultHead: defaultHead)
    let width = try integer("intermediate_size", in: .size)
    return (0..<(try layerCount())).map { index in
      LayerBlueprint(
        prefix: "model.layers.\(index).", attention: .grouped(attention(shape, index)),
        feedForward: .dense(width: width))
    }
  }
}
