import Decoding
import Foundation
import FusionSpec

/// What a conversation has taken.
struct ChatStatistics {
  private(set) var last: Reply?
  private(set) var turns = 0
  private var tokens = 0
  private var thinkingTokens = 0
  private var promptTokens = 0
  private var cachedTokens = 0
  private var decodeMilliseconds = 0.0
  private(set) var counters = SpeculationCounters()

  /// Adds a reply.
  mutating func add(_ reply: Reply) {
    let result = reply.result
    last = reply
    turns += 1
    tokens += result.tokens.count
    thinkingTokens += result.thinkingTokenCount
    promptTokens += result.promptTokenCount
    cachedTokens += result.cachedTokenCount
    decodeMilliseconds += result.decodeMilliseconds
    counters.add(result.speculation)
  }

  /// One line about a reply.
  static func line(_ reply: Reply) -> String {
    let result = reply.result
    var parts = [StreamingOutput.statistics(result, disabled: result.speculationOffReason)]
    if result.thinkingTokenCount > 0 { parts.append("\(result.thinkingTokenCount) of thought") }
    if result.wasThinkingEnded { parts.append("thinking ended on request") }
    if result.cachedTokenCount > 0 {
      parts.append("\(result.cachedTokenCount) of \(result.promptTokenCount) prompt tokens kept")
    }
    switch result.finishReason {
    case .stop: break
    case .length: parts.append("cut at the limit")
    case .cancelled: parts.append("stopped")
    }
    return parts.joined(separator: " · ")
  }

  /// The lines of /stats.
  func lines(settings: String, context: Int) -> [String] {
    var lines = [settings]
    guard let last else { return lines + ["no reply yet"] }
    lines.append("last reply: " + Self.line(last))
    for phase in Phase.allCases {
      guard let counters = last.result.speculationByPhase[phase], counters.draftCount > 0 else { continue }
      lines.append(
        String(
          format: "  %@: %d drafts accepted of %d (%.0f %%), %.2f tokens a round",
          phase.name as NSString, counters.acceptedTokenCount, counters.draftTokenCount,
          100 * counters.acceptanceRate, counters.meanAcceptanceLength))
    }
    let used = last.result.promptTokenCount + last.result.tokens.count
    lines.append(
      "conversation: \(turns) \(turns == 1 ? "reply" : "replies") · \(tokens) tokens, \(thinkingTokens) of thought · "
        + String(format: "%.0f ms of decoding", decodeMilliseconds)
        + (counters.draftCount > 0
          ? String(format: " · %.0f %% accepted", 100 * counters.acceptanceRate) : ""))
    lines.append(
      "prompts: \(promptTokens) tokens, \(cachedTokens) kept in the cache · context: \(used) of \(context) positions"
    )
    return lines
  }
}
