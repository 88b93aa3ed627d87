/// How far a request in flight has come.
public struct GenerationProgress: Sendable, Equatable {
  /// Tokens of the prompt.
  public let promptTokenCount: Int
  /// Tokens of the prompt taken over from an earlier request of the conversation.
  public let cachedTokenCount: Int
  /// Tokens generated so far.
  public let tokenCount: Int
  /// Tokens between the thinking markers so far.
  public let thinkingTokenCount: Int
  /// The part of the reply that the next token belongs to.
  public let phase: Phase
  /// Speculation counts so far, both phases together.
  public let speculation: SpeculationCounters
  /// Milliseconds since the first token; 0 before it.
  public let decodeMilliseconds: Double

  init(_ sequence: SequenceState) {
    promptTokenCount = sequence.promptCount
    cachedTokenCount = sequence.reusedCount
    tokenCount = sequence.generatedCount
    thinkingTokenCount = sequence.thinking.thinkingTokens
    phase = sequence.thinking.phase
    speculation = sequence.countersByPhase.reduce(into: SpeculationCounters()) { $0.add($1) }
    let first = sequence.timings.firstToken
    decodeMilliseconds =
      first == 0 ? 0 : sequence.timings.milliseconds(from: first, to: monotonicNanoseconds())
  }

  /// Tokens after the first by the time since it; 0 where there is only one.
  public var tokensPerSecond: Double {
    decodeMilliseconds > 0 && tokenCount > 1 ? Double(tokenCount - 1) * 1000 / decodeMilliseconds : 0
  }
}

extension DecodingEngine {
  /// How far a request has come; nil for one that waits or has ended.
  public func progress(_ identifier: Int) -> GenerationProgress? {
    live.first { $0.identifier == identifier }.map { GenerationProgress($0) }
  }
}
