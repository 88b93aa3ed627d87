import Foundation
import Tensors
import Testing

@testable import Decoding

/// Sampled tokens follow the target distribution, and a draw depends on nothing but its inputs.
struct SamplerTests {
  static let logits: [Float] = [2.0, 1.5, 1.0, 0.2, -0.3, -1.0, -2.5, 0.9, -6, 0.0, 1.2]

  static func row(_ values: [Float] = logits) -> FloatMatrix {
    let matrix = FloatMatrix(rows: 1, columns: values.count)
    for (column, value) in values.enumerated() { matrix[0, column] = value }
    return matrix
  }

  static func history(_ tokens: [Int32] = [], vocabulary: Int = logits.count) -> TokenHistory {
    var history = TokenHistory(vocabularySize: vocabulary, isUsed: !tokens.isEmpty, capacity: 64)
    for token in tokens { history.add(token) }
    return history
  }

  /// The distribution that options ask for, computed plainly in double precision.
  static func distribution(_ options: SamplingOptions, seen: Set<Int> = []) -> [Double] {
    var values = logits.enumerated().map { index, logit -> Double in
      let value = Double(logit)
      guard seen.contains(index) else { return value }
      return value > 0 ? value / Double(options.repetitionPenalty) : value * Double(options.repetitionPenalty)
    }
    values = values.map { $0 / Double(options.temperature) }
    let greatest = values.max() ?? 0
    var weights = values.map { exp($0 - greatest) }
    if options.minP > 0 { weights = weights.map { $0 >= Double(options.minP) ? $0 : 0 } }
    var order = weights.indices.sorted { weights[$0] > weights[$1] }
    if options.topK > 0 { order = Array(order.prefix(options.topK)) }
    if options.topP < 1 {
      let sum = order.reduce(0) { $0 + weights[$1] }
      var cumulative = 0.0
      var kept: [Int] = []
      for index in order {
        kept.append(index)
        cumulative += weights[index]
        if cumulative >= Double(options.topP) * sum { break }
      }
      order = kept
    }
    let kept = Set(order)
    weights = weights.enumerated().map { kept.contains($0.offset) ? $0.element : 0 }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }

  static let cases: [SamplingOptions] = [
    SamplingOptions(temperature: 1), SamplingOptions(temperature: 0.6), SamplingOptions(temperature: 1.7),
    SamplingOptions(temperature: 1, topK: 4), SamplingOptions(temperature: 0.9, topP: 0.8),
    SamplingOptions(temperature: 1, minP: 0.15),
    SamplingOptions(temperature: 1.2, topK: 6, topP: 0.9, minP: 0.05),
    SamplingOptions(temperature: 1, repetitionPenalty: 1.5),
  ]

  @Test(arguments: cases)
  func `draws follow the distribution by chi-square`(options: SamplingOptions) {
    let seen: [Int32] = options.repetitionPenalty == 1 ? [] : [0, 4, 7]
    let expected = Self.distribution(options, seen: Set(seen.map { Int($0) }))
    let sampler = Sampler(kernels: .best, vocabularySize: Self.logits.count)
    let matrix = Self.row()
    let history = Self.history(seen)
    let draws = 100_000
    var counts = [Int](repeating: 0, count: expected.count)
    var seeded = options
    for draw in 0..<draws {
      seeded.seed = UInt64(draw / 1000)
      counts[
        Int(sampler.sample(matrix.view, row: 0, options: seeded, history: history, position: draw % 1000))] +=
        1
    }
    var statistic = 0.0
    var degrees = -1
    for (count, probability) in zip(counts, expected) {
      if probability == 0 {
        #expect(count == 0)
        continue
      }
      let mean = probability * Double(draws)
      statistic += (Double(count) - mean) * (Double(count) - mean) / mean
      degrees += 1
    }
    // Wilson and Hilferty: the cube root of chi-square over its degrees is nearly normal. The draws are fixed by the
    // seeds, so this never flickers; 4 deviations would be a chance of 3 in 100 000.
    let spread = 2 / (9 * Double(max(degrees, 1)))
    let normal = (pow(statistic / Double(max(degrees, 1)), 1.0 / 3) - (1 - spread)) / spread.squareRoot()
    #expect(normal < 4, "chi-square \(statistic) with \(degrees) degrees of freedom")
  }

  @Test
  func `a draw depends on seed and position alone`() {
    let options = SamplingOptions(temperature: 1, seed: 42)
    let matrix = Self.row()
    let one = Sampler(kernels: .best, vocabularySize: Self.logits.count)
    let other = Sampler(kernels: .best, vocabularySize: Self.logits.count)
    let forward = (0..<200).map {
      one.sample(matrix.view, row: 0, options: options, history: Self.history(), position: $0)
    }
    let backward = (0..<200).reversed().map {
      other.sample(matrix.view, row: 0, options: options, history: Self.history(), position: $0)
    }
    #expect(forward == backward.reversed())
    #expect(Set(forward).count > 3)
  }

  @Test
  func `coupled drafts are accepted at least as often as the bound says`() {
    // Target p and drafter q, both sampled with the same noise: they agree with probability at least (1 - TV)/(1 + TV).
    let target = Self.row()
    let drafter = Self.row(Self.logits.enumerated().map { $0.element + ($0.offset % 2 == 0 ? 0.5 : -0.4) })
    let options = SamplingOptions(temperature: 1, seed: 9)
    let p = Self.distribution(options)
    let drafterWeights = (0..<Self.logits.count).map { exp(Double(drafter[0, $0])) }
    let sum = drafterWeights.reduce(0, +)
    let distance = zip(p, drafterWeights).reduce(0) { $0 + abs($1.0 - $1.1 / sum) } / 2
    let sampler = Sampler(kernels: .best, vocabularySize: Self.logits.count)
    let draws = 50_000
    var agreements = 0
    for position in 0..<draws {
      let own = sampler.sample(
        target.view, row: 0, options: options, history: Self.history(), position: position)
      let draft = sampler.sample(
        drafter.view, row: 0, options: options, history: Self.history(), position: position)
      if own == draft { agreements += 1 }
    }
    let rate = Double(agreements) / Double(draws)
    #expect(rate >= (1 - distance) / (1 + distance) - 0.01)
    #expect(rate <= 1 - distance + 0.01)
  }

  @Test
  func `biases are added and excluded tokens never drawn`() {
    let sampler = Sampler(kernels: .best, vocabularySize: Self.logits.count)
    let matrix = Self.row()
    var options = SamplingOptions(biases: [TokenBias(token: 8, bias: 20)])
    let history = Self.history()
    #expect(sampler.sample(matrix.view, row: 0, options: options, history: history, position: 0) == 8)
    #expect(
      sampler.sample(matrix.view, row: 0, options: options, history: history, position: 0, excluded: [8]) == 0
    )
    options = SamplingOptions(temperature: 2, biases: [TokenBias(token: 0, bias: -.infinity)])
    for position in 0..<500 {
      let token = sampler.sample(
        matrix.view, row: 0, options: options, history: history, position: position, excluded: [1])
      #expect(token > 1)
    }
  }

  @Test
  func `greedy sampling takes the greatest logit after penalties`() {
    let sampler = Sampler(kernels: .best, vocabularySize: Self.logits.count)
    let matrix = Self.row()
    var options = SamplingOptions()
    #expect(sampler.sample(matrix.view, row: 0, options: options, history: Self.history(), position: 0) == 0)
    options.repetitionPenalty = 2
    #expect(
      sampler.sample(matrix.view, row: 0, options: options, history: Self.history([0]), position: 0) == 1)
  }
}
