import Glibc

/// A finished request.
public struct GenerationResult: Sendable {
  /// The identifier that `submit` returned.
  public let identifier: Int
  /// Generated token ids, the stop token included.
  public let tokens: [Int32]
  /// The prompt that was answered: the escalation's where the reply began anew.
  public let promptTokens: [Int32]
  /// Tokens of the prompt taken over from an earlier request of the conversation; the others were computed.
  public let cachedTokenCount: Int
  /// Why it ended.
  public let finishReason: FinishReason
  /// Tokens between the thinking markers.
  public let thinkingTokenCount: Int
  /// Whether `DecodingEngine.endThinking` ended the thoughts.
  public let wasThinkingEnded: Bool
  /// How the runtime chose between fast and slow thinking; nil where it had no choice.
  public let thinkingDecision: ThinkingDecision?
  /// Speculation counts of each phase, dropped tokens included.
  public let speculationByPhase: [Phase: SpeculationCounters]
  /// Rounds after the first token by their number of drafts.
  public let depthHistogram: [Int]
  /// Why nothing, or nothing at the end, was drafted; nil where drafting was on.
  public let speculationOffReason: String?
  /// Tokens of each phase, markers included.
  public let tokensByPhase: [Phase: Int]
  /// Milliseconds from admission to the first token.
  public let prefillMilliseconds: Double
  /// Milliseconds from the first token to the last.
  public let decodeMilliseconds: Double
  /// Steps after the one that gave the first token.
  public let decodeSteps: Int
  /// Decode time outside the forwards of the main model and the MTP head, in microseconds a step.
  public let overheadMicrosecondsPerStep: Double

  init(_ sequence: SequenceState, reason: FinishReason) {
    identifier = sequence.identifier
    tokens = Array(sequence.generatedTokens)
    promptTokens = Array(sequence.promptTokens)
    cachedTokenCount = sequence.reusedCount
    finishReason = reason
    wasThinkingEnded = sequence.thinking.wasEnded
    thinkingTokenCount = sequence.thinking.thinkingTokens
    thinkingDecision = sequence.decision
    speculationByPhase = Dictionary(
      uniqueKeysWithValues: Phase.allCases.map { ($0, sequence.countersByPhase[$0.rawValue]) })
    depthHistogram = sequence.depthHistogram
    speculationOffReason = sequence.speculationOffReason
    tokensByPhase = Dictionary(
      uniqueKeysWithValues: Phase.allCases.map { ($0, sequence.tokensByPhase[$0.rawValue]) })
    let timings = sequence.timings
    prefillMilliseconds = timings.milliseconds(from: timings.admitted, to: timings.firstToken)
    decodeMilliseconds = timings.milliseconds(from: timings.firstToken, to: timings.finished)
    decodeSteps = timings.decodeSteps
    let forward = timings.milliseconds(from: timings.forwardAtFirstToken, to: timings.forwardAtFinish)
    overheadMicrosecondsPerStep =
      decodeSteps == 0 ? 0 : max(0, decodeMilliseconds - forward) * 1000 / Double(decodeSteps)
  }

  /// Tokens of the prompt.
  public var promptTokenCount: Int { promptTokens.count }

  /// Speculation counts of the whole reply.
  public var speculation: SpeculationCounters {
    speculationByPhase.values.reduce(into: SpeculationCounters()) { $0.add($1) }
  }

  /// Tokens after the first by the time that they took; 0 for replies of one token.
  public var tokensPerSecond: Double {
    decodeMilliseconds > 0 && tokens.count > 1 ? Double(tokens.count - 1) * 1000 / decodeMilliseconds : 0
  }
}

/// Times of one sequence, in nanoseconds of a monotonic clock.
struct SequenceTimings {
  private(set) var admitted: UInt64 = 0
  private(set) var firstToken: UInt64 = 0
  private(set) var finished: UInt64 = 0
  private(set) var forwardAtFirstToken: UInt64 = 0
  private(set) var forwardAtFinish: UInt64 = 0
  var decodeSteps = 0

  mutating func markAdmitted() { admitted = monotonicNanoseconds() }

  mutating func markFirstToken(forward: UInt64) {
    if firstToken > 0 { return }
    firstToken = monotonicNanoseconds()
    forwardAtFirstToken = forward
  }

  /// Forgets the first token, because it was dropped.
  mutating func restart() {
    firstToken = 0
    decodeSteps = 0
  }

  mutating func finish(forward: UInt64) {
    finished = monotonicNanoseconds()
    forwardAtFinish = forward
    if firstToken == 0 {  // cancelled before its first token
      firstToken = finished
      forwardAtFirstToken = forward
    }
  }

  func milliseconds(from start: UInt64, to end: UInt64) -> Double {
    end >= start ? Double(end - start) / 1e6 : 0
  }
}

/// Nanoseconds of the monotonic clock.
func monotonicNanoseconds() -> UInt64 {
  var time = timespec()
  unsafe clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
