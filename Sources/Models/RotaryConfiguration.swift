public import Checkpoints

/// Base frequency and scaling, read from either spelling of config.json: `rope_theta` with `rope_scaling`, or
/// `rope_parameters`.
public struct RotaryConfiguration: Sendable, Equatable {
  /// Base of the frequencies.
  public var base: Float
  /// Scaling beyond the trained context.
  public var scaling: RotaryScaling

  /// The scaling types that are known, as `rope_type` or `type` names them.
  public static let types = ["default", "linear", "llama3", "yarn"]

  /// Reads the rotary part of a configuration. A scaling type that is not among `types` is an error that names it.
  public init(
    _ configuration: ConfigurationObject, defaultBase: Float = 10000, types: [String] = Self.types
  ) throws(LoadError) {
    base =
      try configuration.floatIfPresent(anyOf: ["rope_parameters.rope_theta", "rope_theta"], in: .positive)
      ?? defaultBase
    let parameters = try configuration.objectIfPresent("rope_parameters")
    let legacy = try configuration.objectIfPresent("rope_scaling")
    if let parameters, parameters.has("full_attention") || parameters.has("sliding_attention") {
      throw configuration.unsupported("rope_parameters", accepted: "one set of parameters for all layers")
    }
    scaling = try Self.scaling(parameters ?? legacy, configuration, types)
  }

  private static func scaling(
    _ object: ConfigurationObject?, _ configuration: ConfigurationObject, _ types: [String]
  ) throws(LoadError) -> RotaryScaling {
    guard let object else { return .none }
    switch try object.stringIfPresent(anyOf: ["rope_type", "type"], oneOf: types) {
    case "linear": return .linear(factor: try object.float("factor", in: .positive))
    case "llama3": return .llama3(try llama3(object, configuration))
    case "yarn": return .yarn(try yarn(object, configuration))
    default: return .none
    }
  }

  /// The trained context: named outside the scaling's own object, inside it, or the whole context.
  private static func originalContext(
    _ object: ConfigurationObject, _ configuration: ConfigurationObject
  ) throws(LoadError) -> (original: Int, maximum: Int?) {
    let key = "original_max_position_embeddings"
    let range = 1...(1 << 24)
    let outside = try configuration.integerIfPresent(key, in: range)
    let inside = try object.integerIfPresent(key, in: range)
    let maximum = try configuration.integerIfPresent("max_position_embeddings", in: 1...(1 << 30))
    return (outside ?? inside ?? maximum ?? 4096, maximum)
  }

  private static func llama3(
    _ object: ConfigurationObject, _ configuration: ConfigurationObject
  ) throws(LoadError) -> Llama3Scaling {
    let low = try object.float("low_freq_factor", in: .positive)
    let high = try object.float("high_freq_factor", in: .positive)
    guard high > low else {
      throw object.unsuitable("high_freq_factor", accepted: "a number above low_freq_factor (\(low))")
    }
    return Llama3Scaling(
      factor: try object.float("factor", in: .positive), lowFrequencyFactor: low, highFrequencyFactor: high,
      originalContext: try originalContext(object, configuration).original)
  }

  private static func yarn(
    _ object: ConfigurationObject, _ configuration: ConfigurationObject
  ) throws(LoadError) -> YarnScaling {
    let context = try originalContext(object, configuration)
    let ratio = Float(context.maximum ?? context.original) / Float(context.original)
    return YarnScaling(
      factor: try object.floatIfPresent("factor", in: .positive) ?? ratio, originalContext: context.original,
      betaFast: try object.floatIfPresent("beta_fast", in: .positive) ?? 32,
      betaSlow: try object.floatIfPresent("beta_slow", in: .positive) ?? 1,
      mscale: try object.floatIfPresent("mscale") ?? 0,
      mscaleAllDimensions: try object.floatIfPresent("mscale_all_dim") ?? 0,
      attentionFactor: try object.floatIfPresent("attention_factor"),
      truncate: try object.boolIfPresent("truncate") ?? true)
  }
}
