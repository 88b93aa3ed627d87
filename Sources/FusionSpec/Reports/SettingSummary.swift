public import Decoding

/// Sums and rates of a setting over some prompts.
public struct SettingSummary: Sendable {
  /// Prompts in the summary.
  public let promptCount: Int
  /// Plain time by this setting's time; nil without a measurable reply.
  public let speedup: Double?
  /// Each prompt's tokens per second relative to plain; nil for replies too short to say.
  public let ratios: [Double?]
  /// Tokens per second of this setting, first tokens aside.
  public let tokensPerSecond: Double?
  /// Tokens per second of plain decoding.
  public let plainTokensPerSecond: Double?
  /// Speculation counts.
  public let counters: SpeculationCounters
  /// Speculation counts of each phase.
  public let countersByPhase: [Phase: SpeculationCounters]
  /// Rounds by their number of drafts.
  public let depthHistogram: [Int]
  /// Tokens generated for a reply, those of a dropped fast reply included.
  public let meanTokens: Double
  /// Tokens of a reply's thoughts.
  public let meanThinkingTokens: Double
  /// Share of the replies that began fast and began anew with slow thinking.
  public let escalatedShare: Double
  /// Share of right answers among the prompts that have one; nil where none has.
  public let accuracy: Double?
  /// Milliseconds of a whole reply, prompt included.
  public let meanMilliseconds: Double
  /// The same for plain decoding.
  public let plainMeanMilliseconds: Double

  /// Sums up replies beside the plain ones. Where prompts shared the engine, the set's own times decide the speedup.
  public init(
    replies: [ReplyMeasurement], plain: [ReplyMeasurement], answers: [String?],
    setMilliseconds: Double? = nil,
    plainSetMilliseconds: Double? = nil
  ) {
    promptCount = replies.count
    // A reply of one token has no decoding to time.
    let timed = replies.filter { $0.tokensPerSecond != nil }
    let plainTimed = plain.filter { $0.tokensPerSecond != nil }
    let time = setMilliseconds ?? timed.reduce(0) { $0 + $1.decodeMilliseconds }
    let plainTime = plainSetMilliseconds ?? plainTimed.reduce(0) { $0 + $1.decodeMilliseconds }
    speedup = time > 0 && plainTime > 0 ? plainTime / time : nil
    ratios = zip(replies, plain).map { reply, plain in
      guard let rate = reply.tokensPerSecond, let plainRate = plain.tokensPerSecond else { return nil }
      return rate / plainRate
    }
    // The set's own time includes prompts and so first tokens.
    let tokens = replies.reduce(0) { $0 + $1.tokens.count - (setMilliseconds == nil ? 1 : 0) }
    let plainTokens = plain.reduce(0) { $0 + $1.tokens.count - (plainSetMilliseconds == nil ? 1 : 0) }
    tokensPerSecond = time > 0 && tokens > 0 ? Double(tokens) * 1000 / time : nil
    plainTokensPerSecond = plainTime > 0 && plainTokens > 0 ? Double(plainTokens) * 1000 / plainTime : nil

    var byPhase = Dictionary(uniqueKeysWithValues: Phase.allCases.map { ($0, SpeculationCounters()) })
    var histogram = [Int](repeating: 0, count: Speculation.depths.upperBound + 1)
    for reply in replies {
      for (phase, counters) in reply.countersByPhase { byPhase[phase]?.add(counters) }
      for (depth, rounds) in reply.depthHistogram.enumerated() where depth < histogram.count {
        histogram[depth] += rounds
      }
    }
    countersByPhase = byPhase
    counters = byPhase.values.reduce(into: SpeculationCounters()) { $0.add($1) }
    depthHistogram = histogram
    meanTokens = Self.mean(replies.map { Double($0.generatedTokenCount) })
    meanThinkingTokens = Self.mean(replies.map { Double($0.thinkingTokenCount) })
    escalatedShare = Self.mean(replies.map { $0.droppedTokenCount > 0 ? 1 : 0 })
    let judged = zip(replies, answers).compactMap { reply, answer in answer.map { reply.answers($0) } }
    accuracy = judged.isEmpty ? nil : Double(judged.filter { $0 }.count) / Double(judged.count)
    meanMilliseconds = Self.mean(replies.map { $0.prefillMilliseconds + $0.decodeMilliseconds })
    plainMeanMilliseconds = Self.mean(plain.map { $0.prefillMilliseconds + $0.decodeMilliseconds })
  }

  /// The worst prompt's tokens per second relative to plain.
  public var slowestPromptRatio: Double? { ratios.compactMap { $0 }.min() }

  private static func mean(_ values: [Double]) -> Double {
    values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
  }
}

extension SpeculationCounters {
  /// At each position, accepted by drafted tokens: the share of rounds as deep as this whose drafts were all right up to
  /// here.
  public var acceptancePerPosition: [Double] {
    (0..<usedDepth).map { Double(acceptedPerPosition[$0]) / Double(max(1, draftedPerPosition[$0])) }
  }
}
