import Foundation
import Tensors

/// How rotary frequencies are scaled beyond the trained context.
public enum RotaryScaling: Sendable, Equatable {
  /// No scaling.
  case none
  /// Every frequency divided by a factor (arXiv 2306.15595).
  case linear(factor: Float)
  /// Low frequencies divided by a factor, with a smooth passage (Llama 3.1, arXiv 2407.21783).
  case llama3(Llama3Scaling)
  /// YaRN (arXiv 2309.00071).
  case yarn(YarnScaling)
}

/// The parameters of Llama 3.1's scaling.
public struct Llama3Scaling: Sendable, Equatable {
  /// Context extension factor.
  public var factor: Float
  /// Turns over the trained context below which a frequency is divided.
  public var lowFrequencyFactor: Float
  /// Turns over the trained context above which a frequency is kept.
  public var highFrequencyFactor: Float
  /// Context the model was trained with, in positions.
  public var originalContext: Int

  func scaled(_ frequency: Float) -> Float {
    let wavelength = 2 * Float.pi / frequency
    let context = Float(originalContext)
    if wavelength < context / highFrequencyFactor { return frequency }
    if wavelength > context / lowFrequencyFactor { return frequency / factor }
    let kept = (context / wavelength - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor)
    return (1 - kept) * frequency / factor + kept * frequency
  }
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
    switch configuration.scaling {
    case .none: return powers.map { 1 / $0 }
    case .linear(let factor): return powers.map { 1 / $0 / factor }
    case .llama3(let scaling): return powers.map { scaling.scaled(1 / $0) }
    case .yarn(let yarn): return frequencies(yarn, powers: powers, configuration, dimension: dimension)
    }
  }

  private static func frequencies(
    _ yarn: YarnScaling, powers: [Float], _ configuration: RotaryConfiguration, dimension: Int
  ) -> [Float] {
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
