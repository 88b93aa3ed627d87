public import Checkpoints
import Foundation
import Tensors

/// How rotary frequencies are scaled beyond the trained context.
public enum RotaryScaling: Sendable, Equatable {
  /// No scaling.
  case none
  /// YaRN (arXiv 2309.00071).
  case yarn(YarnScaling)
}

/// The parameters of YaRN (arXiv 2309.00071) as DeepSeek's configurations name them.
public struct YarnScaling: Sendable, Equatable {
  /// Context extension factor.
  public var factor: Float
  /// Context the model was trained with, in positions.
  public var originalContext: Int
  /// Rotations above which a frequency is kept as it is.
  public var betaFast: Float
  /// Rotations below which a frequency is interpolated.
  public var betaSlow: Float
  /// Amplitude numerator; 0 where absent.
  public var mscale: Float
  /// Amplitude denominator, and the softmax correction of latent attention; 0 where absent.
  public var mscaleAllDimensions: Float
  /// Amplitude given outright.
  public var attentionFactor: Float?
  /// Whether the ramp's ends are rounded to whole dimensions.
  public var truncate: Bool

  /// 0.1 * mscale * ln(factor) + 1, the attention temperature of the paper; 1 without extension.
  static func temperature(factor: Float, mscale: Float) -> Float {
    factor <= 1 ? 1 : 0.1 * mscale * log(factor) + 1
  }

  /// Factor on the cosines and sines.
  var amplitude: Float {
    if let attentionFactor { return attentionFactor }
    if mscale != 0, mscaleAllDimensions != 0 {
      return Self.temperature(factor: factor, mscale: mscale)
        / Self.temperature(factor: factor, mscale: mscaleAllDimensions)
    }
    return Self.temperature(factor: factor, mscale: 1)
  }

  /// Factor on the softmax scale of latent attention: the temperature squared.
  var softmaxFactor: Float {
    guard mscaleAllDimensions != 0 else { return 1 }
    let temperature = Self.temperature(factor: factor, mscale: mscaleAllDimensions)
    return temperature * temperature
  }
}

/// Base frequency and scaling, read from either spelling of config.json: `rope_theta` with `rope_scaling`, or
/// `rope_parameters`.
public struct RotaryConfiguration: Sendable, Equatable {
  /// Base of the frequencies.
  public var base: Float
  /// Scaling beyond the trained context.
  public var scaling: RotaryScaling

  /// Reads the rotary part of a configuration. An unknown scaling type is an error that names it.
  public init(_ configuration: ConfigurationObject) throws(LoadError) {
    base = try configuration.floatIfPresent(anyOf: ["rope_parameters.rope_theta", "rope_theta"], in: .positive) ?? 10000
    let parameters = try configuration.objectIfPresent("rope_parameters")
    let legacy = try configuration.objectIfPresent("rope_scaling")
    scaling = try Self.scaling(parameters ?? legacy, configuration)
  }

  private static func scaling(
    _ object: ConfigurationObject?, _ configuration: ConfigurationObject
  ) throws(LoadError) -> RotaryScaling {
    guard let object else { return .none }
    let kinds = ["default", "yarn"]
    guard try object.stringIfPresent(anyOf: ["rope_type", "type"], oneOf: kinds) == "yarn" else { return .none }
    let context = try object.integerIfPresent("original_max_position_embeddings", in: 1...(1 << 24))
    let maximum = try configuration.integerIfPresent("max_position_embeddings", in: 1...(1 << 30))
    let originalContext = context ?? maximum ?? 4096
    let ratio = Float(maximum ?? originalContext) / Float(originalContext)
    return .yarn(
      YarnScaling(
        factor: try object.floatIfPresent("factor", in: .positive) ?? ratio, originalContext: originalContext,
        betaFast: try object.floatIfPresent("beta_fast", in: .positive) ?? 32,
        betaSlow: try object.floatIfPresent("beta_slow", in: .positive) ?? 1,
        mscale: try object.floatIfPresent("mscale") ?? 0,
        mscaleAllDimensions: try object.floatIfPresent("mscale_all_dim") ?? 0,
        attentionFactor: try object.floatIfPresent("attention_factor"),
        truncate: try object.boolIfPresent("truncate") ?? true))
  }
}

/// Cosines and sines of every position (arXiv 2104.09864), computed in single precision as the reference does.
public struct RotaryTable: Sendable {
  let cosines: FloatMatrix  // [positions, pairs]
  let sines: FloatMatrix  // [positions, pairs]
  /// Whether a pair is two neighbours (x0, x1), or the same place in either half.
  let interleaved: Bool
  /// Pairs, half of the rotated dimensions.
  let pairCount: Int

  /// Makes the table for `dimension` rotated dimensions (even) and positions 0 ..< positionCount.
  init(configuration: RotaryConfiguration, dimension: Int, positionCount: Int, interleaved: Bool) {
    self.interleaved = interleaved
    pairCount = dimension / 2
    let frequencies = Self.frequencies(configuration, dimension: dimension)
    var amplitude: Float = 1
    if case .yarn(let yarn) = configuration.scaling { amplitude = yarn.amplitude }
    cosines = FloatMatrix(rows: positionCount, columns: max(pairCount, 1))
    sines = FloatMatrix(rows: positionCount, columns: max(pairCount, 1))
    for position in 0..<positionCount {
      for (pair, frequency) in frequencies.enumerated() {
        let angle = Float(position) * frequency
        cosines[position, pair] = cos(angle) * amplitude
        sines[position, pair] = sin(angle) * amplitude
      }
    }
  }

  private static func frequencies(_ configuration: RotaryConfiguration, dimension: Int) -> [Float] {
    let powers = (0..<dimension / 2).map { pow(configuration.base, Float(2 * $0) / Float(dimension)) }
    guard case .yarn(let yarn) = configuration.scaling else { return powers.map { 1 / $0 } }
    // The dimension whose wavelength makes `rotations` turns over the trained context.
    func correctionDimension(_ rotations: Float) -> Float {
      Float(dimension) * log(Float(yarn.originalContext) / (rotations * 2 * Float.pi))
        / (2 * log(configuration.base))
    }
    var low = correctionDimension(yarn.betaFast)
    var high = correctionDimension(yarn.betaSlow)
    if yarn.truncate {
      low = low.rounded(.down)
      high = high.rounded(.up)
    }
    low = max(low, 0)
    high = min(high, Float(dimension - 1))
    if low == high { high += 0.001 }
    return powers.enumerated().map { index, power in
      let ramp = min(max((Float(index) - low) / (high - low), 0), 1)
      let extrapolated = 1 - ramp
      return 1 / (yarn.factor * power) * (1 - extrapolated) + 1 / power * extrapolated
    }
  }
}
