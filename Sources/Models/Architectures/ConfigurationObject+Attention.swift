import Checkpoints

extension ConfigurationObject {
  /// Latent attention (DeepSeek-V2, arXiv 2405.04434), by DeepSeek's names or by Pangu Ultra's.
  func latentAttention() throws(LoadError) -> LatentAttentionBlueprint {
    let ropeKeys = ["qk_rope_head_dim", "attention_qk_rope_dim"]
    let rope = try integer(anyOf: ropeKeys, in: 2...4096)
    guard rope % 2 == 0 else {
      throw unsuitable(ropeKeys.first(where: has) ?? ropeKeys[0], accepted: "an even number")
    }
    return LatentAttentionBlueprint(
      shape: LatentAttentionShape(
        heads: try integer("num_attention_heads", in: 1...4096),
        rank: try integer(anyOf: ["kv_lora_rank", "attention_kv_lora_dim"], in: .size), rope: rope,
        nope: try integer(anyOf: ["qk_nope_head_dim", "attention_qk_dim"], in: .size),
        value: try integer(anyOf: ["v_head_dim", "attention_v_dim"], in: .size),
        queryRank: try integerIfPresent(anyOf: ["q_lora_rank", "attention_q_lora_dim"], in: .size)),
      hasBias: try boolIfPresent("attention_bias") ?? false)
  }

  /// The sizes of grouped-query attention.
  ///
  /// - Parameters:
  ///   - defaultHead: Width of a head where the configuration names none; nil for hidden_size / num_attention_heads.
  ///   - defaultPartialRotary: Share of a head that is rotated where the configuration names none; nil for a family that
  ///     rotates the whole head whatever it says, where any other share is an error.
  func groupedAttentionShape(
    hidden: Int, defaultHead: Int? = nil, defaultPartialRotary: Double? = nil
  ) throws(LoadError) -> GroupedAttentionShape {
    let heads = try integer("num_attention_heads", in: 1...4096)
    let keyValueHeads = try integerIfPresent("num_key_value_heads", in: 1...4096) ?? heads
    guard heads % keyValueHeads == 0 else {
      throw unsuitable("num_key_value_heads", accepted: "a divisor of num_attention_heads (\(heads))")
    }
    let head = try integerIfPresent("head_dim", in: .size) ?? defaultHead ?? hidden / heads
    let partialKeys = ["partial_rotary_factor", "rope_parameters.partial_rotary_factor"]
    let named = try doubleIfPresent(anyOf: partialKeys, in: 0...1)
    let partialKey = partialKeys.first(where: has) ?? partialKeys[0]
    if defaultPartialRotary == nil, let named, named != 1 {
      throw unsupported(partialKey, accepted: "1, or no such key")
    }
    let rotated = Int(Double(head) * (named ?? defaultPartialRotary ?? 1))
    guard rotated % 2 == 0, head > 0 else {
      throw has("head_dim")
        ? unsuitable("head_dim", accepted: "a width of which an even number of dimensions is rotated")
        : unsuitable(
          "num_attention_heads", accepted: "a number that leaves each head an even width of hidden_size")
    }
    return GroupedAttentionShape(heads: heads, keyValueHeads: keyValueHeads, head: head, rotated: rotated)
  }

  /// The sliding window of each layer as the Qwen families configure it: `layer_types` if it is there, else `isSliding` for
  /// a layer and `max_window_layers`; nothing slides unless `use_sliding_window` is true.
  func slidingWindows(
    layers: Int, isSliding: (_ layer: Int, _ maximum: Int) -> Bool
  ) throws(LoadError) -> [Int?] {
    let isUsed = try boolIfPresent("use_sliding_window") ?? false
    let size = isUsed ? try integerIfPresent("sliding_window", in: 1...(1 << 30)) : nil
    if let types = try layerTypes(count: layers) {
      if size == nil, types.contains("sliding_attention") {
        throw unsuitable(
          "layer_types", problem: "names sliding layers without a window", accepted: "full_attention")
      }
      return types.map { $0 == "sliding_attention" ? size : nil }
    }
    guard let size else { return Array(repeating: nil, count: layers) }
    let maximum = try integerIfPresent("max_window_layers", in: 0...(1 << 30)) ?? 28
    return (0..<layers).map { isSliding($0, maximum) ? size : nil }
  }

  private func layerTypes(count: Int) throws(LoadError) -> [String]? {
    guard let types = try stringsIfPresent("layer_types") else { return nil }
    let known = ["full_attention", "sliding_attention"]
    guard types.allSatisfy(known.contains) else {
      throw unsupported("layer_types", accepted: known.joined(separator: ", "))
    }
    guard types.count == count else {
      throw unsuitable("layer_types", accepted: "one for each of \(count) layers")
    }
    return types
  }
}
