/// A number added to one token's logit.
public struct TokenBias: Sendable, Equatable {
  /// The token.
  public var token: Int32
  /// Added to its logit; minus infinity forbids it.
  public var bias: Float

  /// Makes a bias.
  public init(token: Int32, bias: Float) {
    self.token = token
    self.bias = bias
  }
}

/// How a token is chosen from logits.
///
/// Order: bias, repetition penalty, temperature, min-p, top-k, top-p, then a draw. The draw is a function of the seed and the
/// token's absolute position alone.
public struct SamplingOptions: Sendable, Equatable {
  /// 0 chooses the most probable token; otherwise logits are divided by it.
  public var temperature: Float
  /// Keep the k most probable tokens; 0 keeps all.
  public var topK: Int
  /// Keep the most probable tokens until their probabilities reach this sum; 1 keeps all.
  public var topP: Float
  /// Keep tokens at least this probable relative to the most probable one; 0 keeps all.
  public var minP: Float
  /// Divides positive logits (multiplies negative ones) of tokens already in prompt or reply; 1 changes nothing
  /// (CTRL, arXiv 1909.05858).
  public var repetitionPenalty: Float
  /// Key of the counter-based generator.
  public var seed: UInt64
  /// Added to logits before anything else.
  public var biases: [TokenBias]

  /// Makes options; the defaults are greedy.
  public init(
    temperature: Float = 0, topK: Int = 0, topP: Float = 1, minP: Float = 0, repetitionPenalty: Float = 1,
    seed: UInt64 = 0, biases: [TokenBias] = []
  ) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.minP = minP
    self.repetitionPenalty = repetitionPenalty
    self.seed = seed
    self.biases = biases
  }

  /// Whether the most probable token is always chosen.
  public var isGreedy: Bool { temperature == 0 }

  /// Checks every option's range.
  public func validate() throws(RequestError) {
    func check(_ holds: Bool, _ option: String, _ found: String, _ accepted: String) throws(RequestError) {
      if !holds { throw RequestError.optionOutOfRange(option: option, found: found, accepted: accepted) }
    }
    try check(temperature >= 0 && temperature <= 100, "temperature", "\(temperature)", "0 to 100")
    try check(topK >= 0, "top-k", "\(topK)", "0 (off) or more")
    try check(topP > 0 && topP <= 1, "top-p", "\(topP)", "above 0, at most 1")
    try check(minP >= 0 && minP <= 1, "min-p", "\(minP)", "0 to 1")
    try check(
      repetitionPenalty > 0 && repetitionPenalty <= 100, "repetition-penalty", "\(repetitionPenalty)",
      "above 0, at most 100")
  }
}
