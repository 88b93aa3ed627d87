public import ArgumentParser
import Decoding
public import FusionSpec

extension ThinkingMode: ExpressibleByArgument {}
extension AutomaticThinking: ExpressibleByArgument {}

/// The options that limit thoughts and say who chooses the mode.
struct ThinkingArguments: ParsableArguments {
  @Option(
    help:
      "Most tokens of thoughts; then the closing marker is forced. Markers and the bridge do not count, and the answer after it is never empty."
  )
  var thinkingBudget: Int?
  @Option(help: "Tokens of --max-tokens kept for the answer; with a budget at least 1.") var answerReserve = 0
  @Option(
    help: ArgumentHelp(
      "Forced in front of a forced closing marker; its tokens count towards --max-tokens, not towards the budget.",
      valueName: "text"))
  var thinkingBridge = ""
  @Option(
    help:
      "Who chooses with --thinking auto: model (trained to), or runtime: it answers fast, and starts anew with slow thinking where the model is unsure (default: model where trained)."
  )
  var autoThinking: AutomaticThinking?
  @Option(
    help: ArgumentHelp(
      "With --auto-thinking runtime: how probable the best candidate of each of the first \(ThinkingSettings.watchedTokens) "
        + "answer tokens must be for the fast answer to stay, 0 to 1 (default: \(ThinkingSettings.defaultThreshold)).",
      valueName: "p"))
  var autoThreshold: Float?

  func validate() throws {
    if let thinkingBudget, thinkingBudget < 0 {
      throw ValidationError("--thinking-budget: found \(thinkingBudget), accepted: 0 or more")
    }
    if answerReserve < 0 {
      throw ValidationError("--answer-reserve: found \(answerReserve), accepted: 0 or more")
    }
    if let autoThreshold, !(0...1).contains(autoThreshold) {
      throw ValidationError("--auto-threshold: found \(autoThreshold), accepted: 0 to 1")
    }
    if autoThreshold != nil, autoThinking == .model {
      throw ValidationError("--auto-threshold has no meaning with --auto-thinking model")
    }
  }

  /// Refuses a bridge that nothing would ever force.
  func checkBridge(isLimited: Bool) throws {
    if !thinkingBridge.isEmpty, !isLimited {
      throw ValidationError("--thinking-bridge has no meaning without --thinking-budget or --answer-reserve")
    }
  }

  /// Whether the thoughts may be ended by a limit.
  var isLimited: Bool { thinkingBudget != nil || answerReserve > 0 }

  /// Refuses the options of automatic mode where no request is in it, or where the model chooses by itself.
  func check(_ requests: [GenerationRequest], isAutomatic: Bool) throws {
    let option =
      autoThinking != nil ? "--auto-thinking" : autoThreshold != nil ? "--auto-threshold" : nil
    guard let option else { return }
    if !isAutomatic { throw CommandError.usage("\(option) has no meaning without --thinking auto") }
    if autoThreshold != nil, requests.allSatisfy({ $0.escalation == nil }) {
      throw CommandError.usage(
        "--auto-threshold has no meaning here: the model chooses by itself (see --auto-thinking runtime)")
    }
  }

  /// The settings of a request in a mode.
  func settings(_ mode: ThinkingMode?) -> ThinkingSettings {
    ThinkingSettings(
      mode: mode, budget: thinkingBudget, answerReserve: answerReserve, bridge: thinkingBridge,
      automatic: autoThinking, threshold: autoThreshold ?? ThinkingSettings.defaultThreshold)
  }
}
