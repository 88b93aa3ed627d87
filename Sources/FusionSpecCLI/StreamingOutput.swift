import Decoding
import Foundation
import FusionSpec

/// Prints text as it comes, and a line of statistics on stderr at the end.
struct StreamingOutput: GenerationOutput {
  let terminal: Terminal
  let showsAcceptance: Bool
  private var lastPhase: Phase = .answer
  private var lastCharacter: Character = "\n"

  init(terminal: Terminal, showsAcceptance: Bool) {
    self.terminal = terminal
    self.showsAcceptance = showsAcceptance
    if showsAcceptance {
      Terminal.error(
        "drafted and accepted: \(terminal.styled("green", .green, onError: true)), corrected: "
          + "\(terminal.styled("red", .red, onError: true)), "
          + "undrafted: plain")
    }
  }

  mutating func receive(_ piece: ReplyText.Piece, fate: TokenFate) {
    if piece.phase != lastPhase, lastCharacter != "\n" { Terminal.output("\n") }
    lastPhase = piece.phase
    lastCharacter = piece.text.last ?? lastCharacter
    Terminal.output(terminal.styled(piece.text, style(piece.phase, fate)))
  }

  private func style(_ phase: Phase, _ fate: TokenFate) -> Terminal.Style? {
    guard showsAcceptance else { return phase == .thinking ? .dim : nil }
    return switch fate {
    case .accepted: .green
    case .corrected: .red
    case .undrafted: nil
    }
  }

  mutating func finish(_ reply: AnsweredLine, run: GenerationRun) throws {
    if run.model.text == nil {
      Terminal.output(reply.result.tokens.map(String.init).joined(separator: ",") + "\n")
    } else if lastCharacter != "\n" {
      Terminal.output("\n")
    }
    Terminal.error(
      Self.statistics(reply.result, disabled: reply.result.speculationOffReason) + Self.thinking(reply, run))
  }

  /// How the reply was thought about and why, to follow the statistics; nothing for a model without marked thoughts.
  private static func thinking(_ reply: AnsweredLine, _ run: GenerationRun) -> String {
    let outcome = ThinkingOutcome(
      run.model, requested: reply.line.thinking ?? run.arguments.thinking, reply.result)
    guard let used = outcome.used else { return "" }
    let tokens = used == .slow ? ", \(reply.result.thinkingTokenCount) tokens" : ""
    return " · thinking \(used.rawValue)\(tokens) (\(outcome.reason))"
  }

  /// One line: tokens, speed, tokens a step, acceptance by position.
  static func statistics(_ result: GenerationResult, disabled: String?) -> String {
    let counters = result.speculation
    var parts = [
      "\(result.tokens.count) tokens", String(format: "%.0f tok/s", result.tokensPerSecond),
      String(format: "first token after %.1f ms", result.prefillMilliseconds),
    ]
    if counters.draftCount > 0 {
      let rates = (0..<counters.usedDepth).map {
        String(
          format: "%.0f %%",
          100 * Double(counters.acceptedPerPosition[$0]) / Double(max(1, counters.draftedPerPosition[$0])))
      }
      parts.append(
        String(
          format: "%.2f tokens/step",
          Double(max(1, result.tokens.count - 1)) / Double(max(1, result.decodeSteps))))
      parts.append("accepted by position " + rates.joined(separator: " / "))
    } else {
      parts.append("no drafts" + (disabled.map { ": \($0)" } ?? ""))
    }
    return parts.joined(separator: " · ")
  }
}
