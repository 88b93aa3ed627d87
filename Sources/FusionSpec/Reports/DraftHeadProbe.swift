public import Decoding
import Models
import Tensors

/// A test of an MTP head's wiring: how often its best token is the main model's own next choice, given true tokens.
///
/// A head that is wired wrongly (the other norm, the halves of its input swapped, hidden rows shifted by one) still gives
/// fluent text, because the main model corrects every draft; it only gains nothing. Here it shows.
public struct DraftHeadProbe: Sendable, Equatable {
  /// The head, 0 first.
  public let place: Int
  /// Share of positions at which the head's best token is the main model's.
  public let agreement: Double
  /// The agreement that two unrelated predictors with these token frequencies would have.
  public let chance: Double
  /// Positions compared.
  public let positions: Int

  /// Compares choices for the same positions.
  public init(head: [Int32], main: [Int32], place: Int = 0) {
    self.place = place
    let pairs = zip(head, main)
    positions = min(head.count, main.count)
    let count = Double(max(positions, 1))
    agreement = Double(pairs.filter { $0.0 == $0.1 }.count) / count
    var headCounts: [Int32: Double] = [:]
    var mainCounts: [Int32: Double] = [:]
    for (head, main) in pairs {
      headCounts[head, default: 0] += 1
      mainCounts[main, default: 0] += 1
    }
    chance = headCounts.reduce(0) { $0 + $1.value * (mainCounts[$1.key] ?? 0) } / (count * count)
  }

  /// Whether the head looks unrelated to the model. Healthy heads agree in more than 0.3 of the positions.
  public var isNearChance: Bool { positions >= 16 && agreement < max(0.05, min(0.3, 1.5 * chance)) }
}

extension LanguageModel {
  /// Lets the model continue a few plain prompts by itself, then compares each MTP head with it on the result.
  ///
  /// - Parameter milliseconds: A model whose single forward takes longer is not probed; nil probes every model.
  /// - Returns: One result a head; none for a model that is too slow.
  public func probeDraftHeads(slowestForward milliseconds: Double? = nil) throws(RequestError)
    -> [DraftHeadProbe]
  {
    let count = decoder.mtpHeadCount
    guard count > 0 else { return [] }
    let length = min(24, context / 2)
    let prompts = probePrompts.filter { $0.count + length < context }
    guard let longest = prompts.map(\.count).max() else { return [] }
    let engine = makeEngine(context: longest + length)
    let passes = TeacherForcing(model: decoder, threadCount: threadCount, kernels: kernels)
    var main = [[Int32]](repeating: [], count: count)
    var heads = [[Int32]](repeating: [], count: count)
    for prompt in prompts {
      _ = try engine.submit(GenerationRequest(promptTokens: prompt, maximumTokens: length))
      var reply: [Int32] = []
      while !engine.isIdle {
        let start = ContinuousClock.now
        for result in engine.step() { reply = result.tokens }
        if let milliseconds, (ContinuousClock.now - start).milliseconds > milliseconds,
          engine.stepCount > 1
        {
          return []
        }
      }
      var mainChoices: [Int32] = []
      var headChoices = [[Int32]](repeating: [], count: count)
      let kernels = self.kernels
      func best(_ logits: FloatRows, _ row: Int) -> Int32 {
        Int32(truncatingIfNeeded: kernels.argmax(logits, row: row))
      }
      try passes.run(
        prompt + reply, mainLogits: { _, logits, row in mainChoices.append(best(logits, row)) },
        mtpLogits: { head, _, logits, row in headChoices[head].append(best(logits, row)) })
      // Head k at position p and the main model at p + k + 1 predict the same token.
      for (head, choices) in headChoices.enumerated() {
        let first = min(max(0, prompt.count - 2 - head), choices.count)
        for position in first..<choices.count where position + head + 1 < mainChoices.count {
          heads[head].append(choices[position])
          main[head].append(mainChoices[position + head + 1])
        }
      }
    }
    return (0..<count).map { DraftHeadProbe(head: heads[$0], main: main[$0], place: $0) }
  }

  private var probePrompts: [[Int32]] {
    let texts = ["Tell me a short story.", "What is 2 + 3 + 4?"]
    let encoded = texts.compactMap { text in
      (try? encode(.user(text))) ?? (try? encode(.raw(text)))
    }.filter { !$0.isEmpty }
    // Without a tokenizer any token starts a text.
    return encoded.isEmpty ? [[1], [2]] : encoded
  }
}
