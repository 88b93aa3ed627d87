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
  /// Head k is layer num_hidden_layers + k.
  mutating func addDeepseekHeads(
    _ configuration: ConfigurationObject, hasTensor: (String) -> Bool,
    layer: (_ prefix: String) -> LayerBlueprint
  ) throws(LoadError) {
    let named = try configuration.integerIfPresent(
      anyOf: ["num_nextn_predict_layers", "num_mtp_layers"], in: Self.headCounts)
    let first = layers.count
    let count = countHeads(named, probes: ["eh_proj.weight", "enorm.weight", "hnorm.weight"], hasTensor) {
      "model.layers.\(first + $0)."
    }
    mtpHeads = (0..<count).map { .deepseek(layer("model.layers.\(first + $0).")) }
  }
}

extension DecoderBlueprint {
  /// Numbers of MTP heads that are supported: no request drafts deeper.
  static let headCounts = 0...8

  /// How many MTP heads there are; notes why none where there is none.
  ///
  /// A configuration that does not name their number has as many as the checkpoint. Tensors of heads that the
  /// configuration counts out are left unread. A checkpoint may leave out all heads, but not some of them.
  ///
  /// - Parameters:
  ///   - named: How many heads the configuration names; nil where it is silent.
  ///   - probes: Tensors of a head; a checkpoint with one of them has the head.
  ///   - prefix: What the tensor names of a head begin with.
  mutating func countHeads(
    _ named: Int?, probes: [String], _ hasTensor: (String) -> Bool, prefix: (Int) -> String
  ) -> Int {
    func has(_ head: Int) -> Bool { probes.contains { hasTensor(prefix(head) + $0) } }
    guard let named else {
      // Without a checkpoint every tensor is taken to be there; then one head, as transformers has it.
      let count = Self.headCounts.first { !has($0) } ?? 1
      mtpAbsence = "config.json and the checkpoint have none"
      return count
    }
    mtpAbsence = named == 0 ? "config.json names none" : "the checkpoint leaves it out"
    for head in named...Self.headCounts.upperBound where has(head) {
      ignored.append((prefix(head), named == 0 ? mtpAbsence : "config.json names \(named) MTP heads"))
    }
    return (0..<named).contains(where: has) ? named : 0
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
