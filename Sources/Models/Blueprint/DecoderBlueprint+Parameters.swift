extension DecoderBlueprint {
  /// Every tensor that a checkpoint must have, as published.
  var parameters: [ParameterSpecification] {
    var list = ParameterList()
    list.add("model.embed_tokens.weight", [vocabulary, hidden], .sensitive)
    list.add("model.norm.weight", [hidden], .wide)
    if !tiesEmbeddings { list.add("lm_head.weight", [vocabulary, hidden], .sensitive) }
    for layer in layers { add(layer, to: &list) }
    list.isMTP = true
    for head in mtpHeads {
      add(head.layer, to: &list)
      for norm in [head.embeddingNorm, head.hiddenNorm, head.outputNorm] {
        list.add(norm + ".weight", [hidden], .wide)
      }
      list.add(head.projection + ".weight", [hidden, 2 * hidden])
    }
    return list.parameters
  }

  private func add(_ layer: LayerBlueprint, to list: inout ParameterList) {
    let prefix = layer.prefix
    var norms = ["input_layernorm", "post_attention_layernorm"]
    if layer.hasSandwichNorm { norms += ["pre_mlp_layernorm", "post_mlp_layernorm"] }
    for norm in norms { list.add(prefix + norm + ".weight", [hidden], .wide) }
    switch layer.attention {
    case .latent(let attention): add(attention, prefix + "self_attn.", to: &list)
    case .grouped(let attention): add(attention, prefix + "self_attn.", to: &list)
    }
    switch layer.feedForward {
    case .dense(let width): add(GatedUnitNames(), prefix + "mlp.", width: width, .matrix, to: &list)
    case .mixture(let mixture): add(mixture, prefix + mixture.prefix, to: &list)
    }
  }

  private func add(_ attention: LatentAttentionBlueprint, _ prefix: String, to list: inout ParameterList) {
    let shape = attention.shape
    if let rank = shape.queryRank {
      list.add(prefix + "q_a_proj.weight", [rank, hidden])
      list.add(prefix + "q_a_layernorm.weight", [rank], .wide)
      list.add(prefix + "q_b_proj.weight", [shape.queryWidth, rank])
      if attention.hasBias { list.add(prefix + "q_a_proj.bias", [rank], .wide) }
    } else {
      list.add(prefix + "q_proj.weight", [shape.queryWidth, hidden])
    }
    list.add(prefix + "kv_a_proj_with_mqa.weight", [shape.cacheWidth, hidden])
    list.add(prefix + "kv_a_layernorm.weight", [shape.rank], .wide)
    list.add(
      prefix + "kv_b_proj.weight", [shape.heads * (shape.nope + shape.value), shape.rank], .sensitive)
    list.add(prefix + "o_proj.weight", [hidden, shape.heads * shape.value])
    if attention.hasBias {
      list.add(prefix + "kv_a_proj_with_mqa.bias", [shape.cacheWidth], .wide)
      list.add(prefix + "o_proj.bias", [hidden], .wide)
    }
  }

  private func add(_ attention: GroupedAttentionBlueprint, _ prefix: String, to list: inout ParameterList) {
    let shape = attention.shape
    let inputs = [("q_proj", shape.queryWidth), ("k_proj", shape.keyWidth), ("v_proj", shape.keyWidth)]
    for (name, width) in inputs {
      list.add(prefix + name + ".weight", [width, hidden])
      if attention.hasInputBias { list.add(prefix + name + ".bias", [width], .wide) }
    }
    list.add(prefix + "o_proj.weight", [hidden, shape.queryWidth])
    if attention.hasOutputBias { list.add(prefix + "o_proj.bias", [hidden], .wide) }
    if attention.hasHeadNorms {
      for norm in ["q_norm", "k_norm"] { list.add(prefix + norm + ".weight", [shape.head], .wide) }
    }
  }

  private func add(_ mixture: MixtureBlueprint, _ prefix: String, to list: inout ParameterList) {
    list.add(prefix + "gate.weight", [mixture.expertCount, hidden], .wide)
    if mixture.hasCorrectionBias {
      list.add(prefix + "gate.e_score_correction_bias", [mixture.expertCount], .wide)
    }
    if mixture.hasExpertScales { list.add(prefix + "router_scale", [1, mixture.expertCount], .wide) }
    for expert in 0..<mixture.expertCount {
      let unit = "\(prefix)experts.\(expert)."
      add(mixture.expertNames, unit, width: mixture.expertWidth, .routedExpert, to: &list)
    }
    guard let shared = mixture.shared else { return }
    add(GatedUnitNames(), prefix + shared.name + ".", width: shared.width, .matrix, to: &list)
    if shared.isGated { list.add(prefix + "shared_expert_gate.weight", [1, hidden], .wide) }
  }

  private func add(
    _ names: GatedUnitNames, _ prefix: String, width: Int, _ role: ParameterSpecification.Role,
    to list: inout ParameterList
  ) {
    list.add(prefix + names.gate + ".weight", [width, hidden], role)
    list.add(prefix + names.up + ".weight", [width, hidden], role)
    list.add(prefix + names.down + ".weight", [hidden, width], role)
  }
}

/// Parameters in the making.
private struct ParameterList {
  var parameters: [ParameterSpecification] = []
  var isMTP = false

  mutating func add(_ name: String, _ shape: [Int], _ role: ParameterSpecification.Role = .matrix) {
    parameters.append(ParameterSpecification(name: name, shape: shape, role: role, isMTP: isMTP))
  }
}
