import Checkpoints

extension DecoderBlueprint {
  /// Reads what all families name alike. The layers are left to the family.
  init(
    _ configuration: ConfigurationObject, modelType: String, hasTensor: (String) -> Bool,
    defaultEpsilon: Float = 1e-6,
    defaultRotaryBase: Float = 10000, rotaryTypes: [String] = RotaryConfiguration.types
  ) throws(LoadError) {
    self.modelType = modelType
    hidden = try configuration.integer("hidden_size", in: .size)
    vocabulary = try configuration.integer("vocab_size", in: .size)
    context = try configuration.integer("max_position_embeddings", in: 1...(1 << 30))
    epsilon = try configuration.floatIfPresent("rms_norm_eps") ?? defaultEpsilon
    tiesEmbeddings = try configuration.boolIfPresent("tie_word_embeddings") ?? !hasTensor("lm_head.weight")
    endOfSequence = try configuration.tokenIDs("eos_token_id", vocabulary: vocabulary)
    rotary = try RotaryConfiguration(configuration, defaultBase: defaultRotaryBase, types: rotaryTypes)
    layers = []
    ignored = [("model.rotary_emb.inv_freq", "computed from the configuration")]
    _ = try configuration.stringIfPresent("hidden_act", oneOf: ["silu", "swish"])
    if try configuration.boolIfPresent("mlp_bias") == true {
      throw configuration.unsupported("mlp_bias", accepted: "false")
    }
  }

  /// Adds the MTP heads that DeepSeek-V3 and its relatives keep behind the last layer.
  ///
  /// A configuration that does not name their number has as many as the checkpoint; tensors of heads that the
  /// configuration counts out are left unread, and heads that a checkpoint left out are not missed.
  mutating func addDeepseekHeads(
    _ configuration: ConfigurationObject, hasTensor: (String) -> Bool,
    layer: (_ prefix: String) -> LayerBlueprint
  ) throws(LoadError) {
    let named = try configuration.integerIfPresent(
      anyOf: ["num_nextn_predict_layers", "num_mtp_layers"], in: 0...1)
    let prefix = "model.layers.\(layers.count)."
    if countsHead(named, prefix, probe: "eh_proj.weight", hasTensor) { mtpHeads = [.deepseek(layer(prefix))] }
  }
}

extension DecoderBlueprint {
  /// Whether there is an MTP head with names that start with `prefix`; otherwise notes why not.
  ///
  /// - Parameter named: How many heads the configuration names; nil where it is silent.
  mutating func countsHead(_ named: Int?, _ prefix: String, probe: String, _ hasTensor: (String) -> Bool)
    -> Bool
  {
    if named == 0 {
      mtpAbsence = "config.json names none"
      ignored.append((prefix, mtpAbsence))
      return false
    }
    mtpAbsence = named == nil ? "config.json and the checkpoint have none" : "the checkpoint leaves it out"
    return hasTensor(prefix + probe)
  }
}

extension ConfigurationObject {
  /// The number of layers of the main model.
  func layerCount() throws(LoadError) -> Int { try integer("num_hidden_layers", in: 1...4096) }

  /// The token ids of a key that holds one id, a list of ids, null or nothing.
  func tokenIDs(_ key: String, vocabulary: Int) throws(LoadError) -> [Int32] {
    guard has(key) else { return [] }
    return try integers(key, in: 0...(vocabulary - 1), acceptsSingle: true).map {
      Int32(truncatingIfNeeded: $0)
    }
  }
}

extension ClosedRange<Int> {
  /// Sizes of tensors.
  static var size: ClosedRange<Int> { 1...(1 << 24) }
}
