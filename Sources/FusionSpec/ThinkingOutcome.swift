public import Decoding
import Foundation
import Tokenization

/// How a reply was thought about, and why.
public struct ThinkingOutcome: Sendable, Equatable {
  /// What was asked for; nil for the model's default.
  public let requested: ThinkingMode?
  /// Slow where the reply has thoughts, else fast; nil for a model without marked thoughts.
  public let used: ThinkingMode?
  /// "requested", "default", "model" where the model chose, or what the runtime saw, such as "runtime: confidence 0.21 < 0.30".
  public let reason: String

  /// Judges a finished reply of a model.
  public init(_ model: LanguageModel, requested: ThinkingMode?, _ result: GenerationResult) {
    self.requested = requested
    guard let profile = model.thinkingProfile else {
      used = nil
      reason = "the model has no thinking switch"
      return
    }
    let startsOpen =
      model.text.map { profile.startsInThoughts(after: result.promptTokens, tokenizer: $0.tokenizer) }
      ?? false
    let used: ThinkingMode =
      startsOpen || result.tokens.contains(profile.open.token) ? .slow : .fast
    self.used = used
    if let decision = result.thinkingDecision, decision.isEscalated || used == .fast {
      reason = Self.reason(decision)
      return
    }
    let mode = requested ?? profile.defaultMode
    reason = mode == .auto || used != mode ? "model" : requested == nil ? "default" : "requested"
  }

  private static func reason(_ decision: ThinkingDecision) -> String {
    let numbers = [decision.confidence, decision.threshold].map { String(format: "%.2f", Double($0)) }
    // Rounded numbers may look alike.
    let exact = [decision.confidence, decision.threshold].map { "\($0)" }
    let shown = numbers[0] == numbers[1] ? exact : numbers
    return "runtime: confidence \(shown[0]) \(decision.isEscalated ? "<" : "≥") \(shown[1])"
  }
}
