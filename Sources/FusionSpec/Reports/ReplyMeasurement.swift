public import Decoding
import Foundation

/// One reply under one setting: what was said, what became of each draft, how long it took.
public struct ReplyMeasurement: Sendable {
  /// Generated token ids.
  public var tokens: [Int32]
  /// How each token came about; as long as `tokens`.
  public var fates: [TokenFate]
  /// The prompt that was answered.
  public var promptTokens: [Int32] = []
  /// Tokens of thoughts.
  public var thinkingTokenCount = 0
  /// Tokens of a fast reply that was dropped for one with slow thinking.
  public var droppedTokenCount = 0
  /// Text outside the thinking markers.
  public var answerText: String
  /// Milliseconds to the first token.
  public var prefillMilliseconds: Double
  /// Milliseconds from the first token to the last.
  public var decodeMilliseconds: Double
  /// Speculation counts of each phase.
  public var countersByPhase: [Phase: SpeculationCounters]
  /// Rounds by their number of drafts.
  public var depthHistogram: [Int]
  /// Whether all repetitions gave the same tokens.
  public var isStable = true

  /// Makes a measurement.
  public init(
    tokens: [Int32], fates: [TokenFate] = [], answerText: String = "", prefillMilliseconds: Double = 0,
    decodeMilliseconds: Double, countersByPhase: [Phase: SpeculationCounters] = [:],
    depthHistogram: [Int] = []
  ) {
    self.tokens = tokens
    self.fates = fates
    self.answerText = answerText
    self.prefillMilliseconds = prefillMilliseconds
    self.decodeMilliseconds = decodeMilliseconds
    self.countersByPhase = countersByPhase
    self.depthHistogram = depthHistogram
  }

  /// Takes what the engine says of a finished request.
  public init(_ result: GenerationResult, fates: [TokenFate], answerText: String) {
    self.init(
      tokens: result.tokens, fates: fates, answerText: answerText,
      prefillMilliseconds: result.prefillMilliseconds,
      decodeMilliseconds: result.decodeMilliseconds, countersByPhase: result.speculationByPhase,
      depthHistogram: result.depthHistogram)
    promptTokens = result.promptTokens
    thinkingTokenCount = result.thinkingTokenCount
    droppedTokenCount = result.thinkingDecision?.droppedTokens ?? 0
  }

  /// Tokens that were generated, the dropped ones included.
  public var generatedTokenCount: Int { tokens.count + droppedTokenCount }

  /// Repetitions as one: the first one's text, median times, counts added up.
  public init?(merging repetitions: [ReplyMeasurement]) {
    guard var merged = repetitions.first else { return nil }
    merged.prefillMilliseconds = median(repetitions.map(\.prefillMilliseconds))
    merged.decodeMilliseconds = median(repetitions.map(\.decodeMilliseconds))
    for other in repetitions.dropFirst() {
      merged.isStable = merged.isStable && other.isStable && other.tokens == merged.tokens
      for (phase, counters) in other.countersByPhase {
        merged.countersByPhase[phase, default: SpeculationCounters()].add(counters)
      }
      for (depth, rounds) in other.depthHistogram.enumerated() where depth < merged.depthHistogram.count {
        merged.depthHistogram[depth] += rounds
      }
    }
    self = merged
  }

  /// Tokens after the first by the time that they took; nil for replies too short to say.
  public var tokensPerSecond: Double? {
    tokens.count > 1 && decodeMilliseconds > 0 ? Double(tokens.count - 1) * 1000 / decodeMilliseconds : nil
  }

  /// Whether the answer is exactly the one given, white space at the ends aside.
  public func answers(_ expected: String) -> Bool {
    answerText.trimmingCharacters(in: .whitespacesAndNewlines)
      == expected.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

/// The middle value; the mean of the two middle ones for an even number, 0 for none.
func median(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  guard !sorted.isEmpty else { return 0 }
  let middle = sorted.count / 2
  return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
