import Foundation
import Models
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
  private var heap: CandidateHeap
  private var candidates: [Int32] = []  // survivors of the filters
  private var probabilities: [Float] = []  // of the candidates, not normalised

  init(kernels: KernelSet, vocabularySize: Int) {
    self.kernels = kernels
    self.vocabularySize = vocabularySize
    adjusted = FloatMatrix(rows: 1, columns: vocabularySize)
    exponentials = FloatMatrix(rows: 1, columns: vocabularySize)
    heap = CandidateHeap(capacity: vocabularySize)
    candidates.reserveCapacity(vocabularySize)
    probabilities.reserveCapacity(vocabularySize)
  }

  /// The token at absolute position `position`, from row `row` of `logits`; never one of `excluded`.
  ///
  /// - Parameter peaks: Where the rows of logits are greatest, where that is known already.
  func sample(
    _ logits: FloatRows, row: Int, peaks: LogitPeaks? = nil, options: SamplingOptions, history: TokenHistory,
    position: Int, excluded: [Int32] = []
  ) -> Int32 {
    if let peaks, !needsAdjustment(options, excluded) {
      let best = peaks.best(logits, row: row)
      if options.isGreedy { return Int32(truncatingIfNeeded: best) }
      if let draw = Self.rowDraw(options, position: position), let winner = peaks.drawn(draw, row: row) {
        return Int32(truncatingIfNeeded: winner)
      }
      return draw(logits, row: row, best: best, options: options, position: position)
    }
    let (source, sourceRow) = adjust(logits, row: row, options, history, excluded: excluded)
    let best = kernels.argmax(source, row: sourceRow)
    if options.isGreedy { return Int32(truncatingIfNeeded: best) }
    return draw(source, row: sourceRow, best: best, options: options, position: position)
  }

  /// What to ask a forward for, so that `sample` finds its token drawn: a draw from all tokens, where neither penalties nor
  /// filters stand in between.
  static func rowDraw(_ options: SamplingOptions, position: Int) -> RowDraw? {
    if options.isGreedy || options.topK != 0 || options.topP != 1 || options.repetitionPenalty != 1
      || !options.biases.isEmpty
    {
      return nil
    }
    return RowDraw(
      scale: 1 / options.temperature, floor: floor(options), key: options.seed, position: position)
  }

  /// Least scaled logit, relative to the greatest, that min-p lets pass.
  private static func floor(_ options: SamplingOptions) -> Float {
    options.minP > 0 ? log(options.minP) : -Float.infinity
  }

  private func needsAdjustment(_ options: SamplingOptions, _ excluded: [Int32]) -> Bool {
    options.repetitionPenalty != 1 || !options.biases.isEmpty || !excluded.isEmpty
  }

  /// The logits after biases, penalties and exclusions: a row of its own where there are any.
  private func adjust(
    _ logits: FloatRows, row: Int, _ options: SamplingOptions, _ history: TokenHistory, excluded: [Int32]
  ) -> (source: FloatRows, row: Int) {
    guard needsAdjustment(options, excluded) else { return (logits, row) }
    logits.copyRow(row, to: adjusted.view, row: 0)
    for bias in options.biases { adjusted[0, Int(bias.token)] += bias.bias }
    if options.repetitionPenalty != 1 { penalise(options.repetitionPenalty, history) }
    for token in excluded { adjusted[0, Int(token)] = -.infinity }
    return (adjusted.view, 0)
  }

  /// The distribution that `sample` draws from, [vocabulary]; for reports, not for steps.
  func distribution(
    _ logits: FloatRows, row: Int, options: SamplingOptions, history: TokenHistory, excluded: [Int32] = []
  ) -> [Float] {
    let (source, sourceRow) = adjust(logits, row: row, options, history, excluded: excluded)
    let best = kernels.argmax(source, row: sourceRow)
    var result = [Float](repeating: 0, count: vocabularySize)
    if options.isGreedy {
      result[best] = 1
      return result
    }
    let scale = 1 / options.temperature
    let floor = Self.floor(options)
    func logit(_ token: Int) -> Float { (source[sourceRow, token] - source[sourceRow, best]) * scale }
    if options.topK == 0, options.topP == 1 {
      for token in 0..<vocabularySize where logit(token) >= floor { result[token] = exp(logit(token)) }
    } else {
      filter(source, row: sourceRow, best: best, options: options, scale: scale, floor: floor)
      for token in candidates { result[Int(token)] = exp(logit(Int(token))) }
    }
    let sum = result.reduce(0, +)
    for token in result.indices { result[token] /= sum }
    return result
  }

  /// The probability of a token by softmax over a row, the same with any number of threads.
  func probability(of token: Int32, _ logits: FloatRows, row: Int) -> Float {
    let best = kernels.argmax(logits, row: row)
    kernels.exponentials(logits, row: row, offset: logits[row, best], output: exponentials.view, outputRow: 0)
    return exponentials[0, Int(token)] / SamplingKernels.sum(exponentials.view, row: 0)
  }

  /// The probability of the most probable token by softmax over a row.
  func greatestProbability(_ logits: FloatRows, row: Int) -> Float {
    let best = kernels.argmax(logits, row: row)
    return probability(of: Int32(truncatingIfNeeded: best), logits, row: row)
  }

  private func penalise(_ penalty: Float, _ history: TokenHistory) {
    let view = adjusted.view
    for token in history.seen where history.contains(token) {
      let logit = view[0, Int(token)]
      view[0, Int(token)] = logit > 0 ? logit / penalty : logit * penalty
    }
  }

  private func draw(_ source: FloatRows, row: Int, best: Int, options: SamplingOptions, position: Int)
    -> Int32
  {
    let scale = 1 / options.temperature
    let floor = Self.floor(options)
    if options.topK == 0, options.topP == 1 {
      let winner = SamplingKernels.gumbelArgmax(
        source, row: row, best: best, scale: scale, floor: floor, key: options.seed, position: position)
      return Int32(truncatingIfNeeded: winner)
    }
    filter(source, row: row, best: best, options: options, scale: scale, floor: floor)
    let winner = SamplingKernels.gumbelArgmax(
      source, row: row, of: candidates, best: best, scale: scale, key: options.seed, position: position)
    return Int32(truncatingIfNeeded: winner)
  }

  /// Fills the candidates with the tokens that pass min-p, top-k and top-p.
  private func filter(
    _ source: FloatRows, row: Int, best: Int, options: SamplingOptions, scale: Float, floor: Float
  ) {
    let count = vocabularySize
    candidates.removeAll(keepingCapacity: true)
    if (1...Self.shortTopK).contains(options.topK) {
      SamplingKernels.selectBest(
        source, row: row, count: min(options.topK, count), best: best, scale: scale, floor: floor,
        tokens: &candidates,
        scaled: &probabilities)
      if options.topP < 1 {
        for place in probabilities.indices { probabilities[place] = exp(probabilities[place]) }
        cut(options.topP * probabilities.reduce(0, +))
      }
      return
    }
    heap.removeAll()
    if options.topK == 0 {
      filterByProbability(source, row: row, best: best, topP: options.topP, scale: scale, floor: floor)
      return
    }
    source.withRow(row) { (logits: inout MutableSpan<Float>) in
      let greatest = logits[best]
      for token in 0..<count {
        let logit = (logits[token] - greatest) * scale
        if logit >= floor { heap.append(Int32(truncatingIfNeeded: token), logit: logit) }
      }
    }
    filterHeap(options)
  }

  /// Up to this many candidates are found by insertion, which passes over most tokens in blocks; more by a heap.
  private static let shortTopK = 128

  /// Takes the shortest head of all tokens whose probabilities reach top-p. Tokens so improbable that the head is reached
  /// without them, however many they are, are not looked at.
  private func filterByProbability(
    _ source: FloatRows, row: Int, best: Int, topP: Float, scale: Float, floor: Float
  ) {
    let weights = exponentials.view
    SamplingKernels.scale(
      source, row: row, best: best, scale: scale, floor: floor, output: weights, outputRow: 0)
    kernels.exponentials(weights, row: 0, offset: 0, output: weights, outputRow: 0)
    let sum = SamplingKernels.sum(weights, row: 0)
    let count = vocabularySize
    let least = 0.5 * (1 - topP) * sum / Float(count)
    let smallest = exp(max(floor, -79))
    weights.withRow(0) { (weights: inout MutableSpan<Float>) in
      for token in 0..<count where weights[token] >= least && weights[token] >= smallest * 0.9999 {
        heap.append(Int32(truncatingIfNeeded: token), logit: weights[token])
      }
    }
    heap.heapify()
    var cumulative: Float = 0
    while cumulative < topP * sum, let next = heap.popFirst() {
      candidates.append(next.token)
      cumulative += next.logit
    }
  }

  /// Takes the k most probable tokens of the heap, then the shortest head of them whose probabilities reach top-p.
  private func filterHeap(_ options: SamplingOptions) {
    heap.heapify()
    let limit = options.topK > 0 ? min(options.topK, heap.count) : heap.count
    probabilities.removeAll(keepingCapacity: true)
    // With top-k the probabilities are those within the k, so all k are needed before top-p can be applied.
    var sum = limit < heap.count ? 0 : heap.sum { exp($0) }
    if limit < heap.count, options.topP < 1 {
      while candidates.count < limit, let next = heap.popFirst() {
        candidates.append(next.token)
        probabilities.append(exp(next.logit))
      }
      sum = probabilities.reduce(0, +)
      cut(options.topP * sum)
      return
    }
    var cumulative: Float = 0
    while candidates.count < limit, let next = heap.popFirst() {
      candidates.append(next.token)
      cumulative += exp(next.logit)
      if options.topP < 1, cumulative >= options.topP * sum { return }
    }
  }

  /// Cuts the candidates after the first whose probabilities add up to `goal`.
  private func cut(_ goal: Float) {
    var cumulative: Float = 0
    for place in probabilities.indices {
      cumulative += probabilities[place]
      if cumulative >= goal {
        candidates.removeLast(candidates.count - place - 1)
        return
      }
    }
  }
}
