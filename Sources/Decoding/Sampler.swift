import Foundation
import Tensors

/// Chooses tokens from logits. The choice is a function of logits, options, history and absolute position.
///
/// Sampling is Gumbel-max (argmax of logit + noise draws from softmax exactly) with noise keyed by seed and position. A
/// draft sampled with the same noise at the same position agrees with the target as often as the two distributions allow
/// without the text depending on the drafter (Daliri et al., arXiv 2408.07978).
final class Sampler {
  private let kernels: KernelSet
  private let vocabularySize: Int
  private let adjusted: FloatMatrix  // [1, vocabulary]: penalised and scaled logits
  private let exponentials: FloatMatrix  // [1, vocabulary]: scratch
  private var candidates: [Int32] = []  // survivors of the filters
  private var probabilities: [Float] = []

  init(kernels: KernelSet, vocabularySize: Int) {
    self.kernels = kernels
    self.vocabularySize = vocabularySize
    adjusted = FloatMatrix(rows: 1, columns: vocabularySize)
    exponentials = FloatMatrix(rows: 1, columns: vocabularySize)
    candidates.reserveCapacity(vocabularySize)
    probabilities.reserveCapacity(vocabularySize)
  }

  /// The token at absolute position `position`, from row `row` of `logits`.
  func sample(_ logits: FloatRows, row: Int, options: SamplingOptions, history: TokenHistory, position: Int) -> Int32 {
    var source = logits
    var sourceRow = row
    if options.repetitionPenalty != 1 {
      logits.copyRow(row, to: adjusted.view, row: 0)
      penalise(options.repetitionPenalty, history)
      source = adjusted.view
      sourceRow = 0
    }
    let best = kernels.argmax(source, row: sourceRow)
    if options.isGreedy { return Int32(truncatingIfNeeded: best) }
    return draw(source, row: sourceRow, best: best, options: options, position: position)
  }

  /// The probability of a token by softmax over a row: the drafter's own confidence in it.
  func probability(of token: Int32, _ logits: FloatRows, row: Int) -> Float {
    let best = kernels.argmax(logits, row: row)
    kernels.exponentials(logits, row: row, offset: logits[row, best], output: exponentials.view, outputRow: 0)
    let count = vocabularySize
    let sum = exponentials.view.withRow(0) { (values: inout MutableSpan<Float>) in
      var partial = SIMD8<Float>(repeating: 0)
      var index = 0
      while index + 8 <= count {
        for lane in 0..<8 { partial[lane] += values[index + lane] }
        index += 8
      }
      var total = partial.sum()
      while index < count {
        total += values[index]
        index += 1
      }
      return total
    }
    return exponentials[0, Int(token)] / sum
  }

  private func penalise(_ penalty: Float, _ history: TokenHistory) {
    let view = adjusted.view
    for token in history.seen where history.contains(token) {
      let logit = view[0, Int(token)]
      view[0, Int(token)] = logit > 0 ? logit / penalty : logit * penalty
    }
  }

  private func draw(_ source: FloatRows, row: Int, best: Int, options: SamplingOptions, position: Int) -> Int32 {
    let philox = Philox(seed: options.seed)
    let scale = 1 / options.temperature
    let greatest = source[row, best]
    func scaled(_ token: Int) -> Float { (source[row, token] - greatest) * scale }

    // Without top-k and top-p a token below this can neither pass min-p nor win the draw, so most of the vocabulary is
    // never looked at twice. The bound is exact: the winner needs at least the best token's own noise.
    var floor = options.minP > 0 ? log(options.minP) : -Float.infinity
    if options.topK == 0, options.topP == 1 {
      floor = max(floor, philox.gumbel(token: best, position: position) - Philox.greatestGumbel)
    }
    candidates.removeAll(keepingCapacity: true)
    for token in 0..<vocabularySize where scaled(token) >= floor {
      candidates.append(Int32(truncatingIfNeeded: token))
    }
    if options.topK > 0 || options.topP < 1 { filter(options) { scaled(Int($0)) } }

    var winner = Int32(truncatingIfNeeded: best)
    var winning = -Float.infinity
    for token in candidates {
      let value = scaled(Int(token)) + philox.gumbel(token: Int(token), position: position)
      if value > winning {
        winning = value
        winner = token
      }
    }
    return winner
  }

  /// Keeps the top k candidates, then the shortest head of them whose probabilities reach top-p.
  private func filter(_ options: SamplingOptions, _ logit: (Int32) -> Float) {
    candidates.sort { left, right in
      let (a, b) = (logit(left), logit(right))
      return a == b ? left < right : a > b
    }
    if options.topK > 0, candidates.count > options.topK {
      candidates.removeSubrange(options.topK...)
    }
    guard options.topP < 1 else { return }
    probabilities.removeAll(keepingCapacity: true)
    var sum: Float = 0
    for token in candidates {
      let probability = exp(logit(token))
      probabilities.append(probability)
      sum += probability
    }
    var cumulative: Float = 0
    for (place, probability) in probabilities.enumerated() {
      cumulative += probability
      if cumulative >= options.topP * sum {
        candidates.removeSubrange((place + 1)...)
        return
      }
    }
  }
}
