public import Decoding
import Foundation
import Tensors

/// How far one model's predictions are from another's on the same tokens: what a narrower weight format costs.
public struct WeightComparison: Sendable, Equatable {
  /// Positions compared.
  public private(set) var positions = 0
  /// Positions where both have the same most likely token.
  public private(set) var sameTopToken = 0
  /// Greatest Kullback-Leibler divergence of a position, in nats.
  public private(set) var greatestDivergence = 0.0
  private var divergence = 0.0

  /// No positions yet.
  public init() {}

  /// Mean over the positions of the Kullback-Leibler divergence of the model's distribution from the reference's, in nats.
  public var meanDivergence: Double { positions == 0 ? 0 : divergence / Double(positions) }
  /// Share of positions with the same most likely token.
  public var topTokenAgreement: Double { positions == 0 ? 1 : Double(sameTopToken) / Double(positions) }

  /// Takes in one position: two rows of logits over the same vocabulary.
  mutating func add(reference: [Float], logits: [Float]) {
    positions += 1
    let (first, second) = (Self.logProbabilities(reference), Self.logProbabilities(logits))
    let sum = zip(first, second).reduce(0.0) { $0 + exp($1.0) * ($1.0 - $1.1) }
    divergence += max(0, sum)
    greatestDivergence = max(greatestDivergence, sum)
    if Self.top(reference) == Self.top(logits) { sameTopToken += 1 }
  }

  private static func logProbabilities(_ logits: [Float]) -> [Double] {
    let greatest = Double(logits.max() ?? 0)
    let sum = log(logits.reduce(0.0) { $0 + exp(Double($1) - greatest) })
    return logits.map { Double($0) - greatest - sum }
  }

  private static func top(_ logits: [Float]) -> Int? { logits.indices.max { logits[$0] < logits[$1] } }

  /// Compares two models with the same vocabulary on token sequences.
  ///
  /// - Parameter positions: Which positions of a sequence count, given its index; nil for all.
  public mutating func compare(
    _ sequences: [[Int32]], reference: LanguageModel, model: LanguageModel,
    positions: (_ sequence: Int) -> Range<Int>? = { _ in nil }
  ) throws(RequestError) {
    func passes(_ model: LanguageModel) -> TeacherForcing {
      TeacherForcing(model: model.decoder, threadCount: model.threadCount, kernels: model.kernels)
    }
    let (first, second) = (passes(reference), passes(model))
    for (index, tokens) in sequences.enumerated() {
      let range = positions(index)
      var expected: [[Float]] = []
      try first.run(tokens, mainLogits: { _, rows, row in expected.append(rows.array(row: row)) })
      try second.run(
        tokens,
        mainLogits: { position, rows, row in
          if range?.contains(position) ?? true {
            add(reference: expected[position], logits: rows.array(row: row))
          }
        })
    }
  }
}
