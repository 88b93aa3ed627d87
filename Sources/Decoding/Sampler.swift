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
  func sample(
    _ logits: FloatRows, row: Int, options: SamplingOptions, history: TokenHistory, position: Int,
    excluded: [Int32] = []
  ) -> Int32 {
    let (source, sourceRow) = adjust(logits, row: row, options, history, excluded: excluded)
    let best = kernels.argmax(source, row: sourceRow)
    if options.isGreedy { return Int32(truncatingIfNeeded: best) }
    return draw(source, row: sourceRow, best: best, options: options, position: position)
  }

  /// The logits after biases, penalties and exclusions: a row of its own where there are any.
  private func adjust(
    _ logits: FloatRows, row: Int, _ options: SamplingOptions, _ history: TokenHistory, excluded: [Int32]
  ) -> (source: FloatRows, row: Int) {
    guard options.repetitionPenalty != 1 || !options.biases.isEmpty || !excluded.isEmpty else {
      return (logits, row)
    }
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
    let floor = options.minP > 0 ? log(options.minP) : -Float.infinity
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

  private func draw(_ source: FloatRows, row: Int, best: Int, options: SamplingOptions, position: Int)
    -> Int32
  {
    let philox = Philox(seed: options.seed)
    let scale = 1 / options.temperature
    let floor = options.minP > 0 ? log(options.minP) : -Float.infinity
    if options.topK == 0, options.topP == 1 {
      return source.withRow(row) { (logits: inout MutableSpan<Float>) in
        Self.draw(logits.span, best: best, scale: scale, floor: floor, philox: philox, position: position)
      }
    }
    filter(source, row: row, best: best, options: options, scale: scale, floor: floor)
    return gumbelMax(source, row: row, best: best, scale: scale, philox: philox, position: position)
  }

  /// Fills the candidates with the tokens that pass min-p, top-k and top-p.
  private func filter(
    _ source: FloatRows, row: Int, best: Int, options: SamplingOptions, scale: Float, floor: Float
  ) {
    let count = vocabularySize
    candidates.removeAll(keepingCapacity: true)
    if (1...Self.shortTopK).contains(options.topK) {
      source.withRow(row) { (logits: inout MutableSpan<Float>) in
        selectBest(logits.span, options.topK, best: best, scale: scale, floor: floor)
      }
      if options.topP < 1 {
        for place in probabilities.indices { probabilities[place] = exp(probabilities[place]) }
        cut(options.topP * probabilities.reduce(0, +))
      }
      return
    }
    heap.removeAll()
    source.withRow(row) { (logits: inout MutableSpan<Float>) in
      let greatest = logits[best]
      for token in 0..<count {
        let logit = (logits[token] - greatest) * scale
        if logit >= floor { heap.append(Int32(truncatingIfNeeded: token), logit: logit) }
      }
    }
    filterHeap(options)
  }

  /// Up to this many candidates are found by insertion, which looks at most tokens once; more by a heap.
  private static let shortTopK = 128

  /// Fills the candidates with the k greatest logits of at least `floor`, in order, equal ones by their ids. The scaled
  /// logits stand in `probabilities`.
  private func selectBest(_ logits: Span<Float>, _ k: Int, best: Int, scale: Float, floor: Float) {
    probabilities.removeAll(keepingCapacity: true)
    let greatest = logits[best]
    var least = -Float.infinity  // of a full list; a local, because most tokens are turned away by it
    for token in 0..<vocabularySize {
      let logit = (logits[token] - greatest) * scale
      if logit < floor || logit <= least { continue }
      if candidates.count == k {
        candidates.removeLast()
        probabilities.removeLast()
      }
      var place = probabilities.count
      while place > 0, probabilities[place - 1] < logit { place -= 1 }
      candidates.insert(Int32(truncatingIfNeeded: token), at: place)
      probabilities.insert(logit, at: place)
      if candidates.count == k { least = probabilities[k - 1] }
    }
  }

  /// The candidate with the greatest sum of logit and noise.
  private func gumbelMax(
    _ source: FloatRows, row: Int, best: Int, scale: Float, philox: Philox, position: Int
  ) -> Int32 {
    var winner = Int32(truncatingIfNeeded: best)
    var winning = -Float.infinity
    for token in candidates {
      let logit = (source[row, Int(token)] - source[row, best]) * scale
      let value = logit + philox.gumbel(token: Int(token), position: position)
      if value > winning {
        winning = value
        winner = token
      }
    }
    return winner
  }

  /// Gumbel-max over all logits of at least `floor`. A token whose noise cannot lift it above the best so far is passed
  /// over without its noise, or without the logarithms of its noise; both bounds are exact.
  private static func draw(
    _ logits: Span<Float>, best: Int, scale: Float, floor: Float, philox: Philox, position: Int
  ) -> Int32 {
    let greatest = logits[best]
    var winner = best
    var winning = philox.gumbel(token: best, position: position)
    for begin in stride(from: 0, to: logits.count, by: 4) {
      let block = begin..<min(begin + 4, logits.count)
      var highest = -Float.infinity
      for token in block { highest = max(highest, logits[token]) }
      let bound = (highest - greatest) * scale
      if bound < floor || bound + Philox.greatestGumbel < winning { continue }
      let words = philox.words(tokenBlock: begin >> 2, position: position)
      for token in block {
        let logit = (logits[token] - greatest) * scale
        let word = words[token & 3]
        if logit < floor || logit + Philox.gumbelBound(word) < winning { continue }
        let value = logit + Philox.gumbel(word)
        if value > winning || (value == winning && token < winner) {
          winning = value
          winner = token
        }
      }
    }
    return Int32(truncatingIfNeeded: winner)
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
