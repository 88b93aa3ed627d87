public import Decoding
import Tokenization

/// Who chooses between fast and slow thinking in automatic mode.
public enum AutomaticThinking: String, Sendable, CaseIterable {
  /// The model, by a switch it was trained for.
  case model
  /// The runtime: it starts fast and begins anew with slow thinking where the model is unsure of its answer, see
  /// `Escalation`.
  case runtime
}

/// How a request is to be thought about.
public struct ThinkingSettings: Sendable, Equatable {
  /// Least probability of the first answer tokens that is sure enough for the runtime to keep a fast answer. Measured on the
  /// sample's arithmetic, word problems and lists: closes 94 % of the accuracy gap between fast and slow thinking at 54 % of
  /// slow thinking's tokens.
  public static let defaultThreshold: Float = 0.3
  /// Tokens at the beginning of an answer that the runtime looks at.
  public static let watchedTokens = 4

  /// The mode; nil for the model's default.
  public var mode: ThinkingMode?
  /// Most tokens of thoughts; nil for no limit.
  public var budget: Int?
  /// Tokens of the reply that the answer keeps for itself.
  public var answerReserve: Int
  /// Text that is put behind thoughts that a limit ends.
  public var bridge: String
  /// Who chooses in automatic mode; nil for the model where it was trained to, else the runtime.
  public var automatic: AutomaticThinking?
  /// Where the runtime chooses: the least probability of the first answer tokens, 0 to 1, that is sure enough.
  public var threshold: Float

  /// Makes settings.
  public init(
    mode: ThinkingMode? = nil, budget: Int? = nil, answerReserve: Int = 0, bridge: String = "",
    automatic: AutomaticThinking? = nil, threshold: Float = defaultThreshold
  ) {
    self.mode = mode
    self.budget = budget
    self.answerReserve = answerReserve
    self.bridge = bridge
    self.automatic = automatic
    self.threshold = threshold
  }
}

extension LanguageModel {
  /// A request that continues a prompt, thought about as the settings say.
  ///
  /// - Parameters:
  ///   - stopTokens: Tokens that end the reply; nil for the model's own.
  /// - Throws: `PromptError` where the model cannot think as asked, or the prompt cannot be made.
  public func request(
    _ prompt: Prompt, thinking settings: ThinkingSettings = ThinkingSettings(), maximumTokens: Int,
    sampling: SamplingOptions = SamplingOptions(), stopTokens: [Int32]? = nil,
    speculation: Speculation = .automatic
  ) throws(PromptError) -> GenerationRequest {
    if thinkingProfile == nil {
      let limits = [
        settings.budget != nil ? "thinking-budget" : nil,
        settings.answerReserve != 0 ? "answer-reserve" : nil,
        settings.bridge.isEmpty ? nil : "thinking-bridge",
      ]
      if let option = limits.compactMap({ $0 }).first { throw .noThoughts(option: option, model: name) }
    }
    let decider = try decider(settings)
    let tokens = try encode(prompt, thinking: decider == .runtime ? .fast : settings.mode)
    var request = GenerationRequest(
      promptTokens: tokens, maximumTokens: maximumTokens, sampling: sampling,
      stopTokens: stopTokens ?? self.stopTokens, speculation: speculation,
      thinking: thinkingOptions(after: tokens, settings))
    if decider == .runtime {
      let slow = try encode(prompt, thinking: .slow)
      request.escalation = Escalation(
        promptTokens: slow, thinking: thinkingOptions(after: slow, settings), threshold: settings.threshold,
        watchedTokens: ThinkingSettings.watchedTokens)
    }
    return request
  }

  /// Who decides on a request; nil where nothing has to be decided.
  private func decider(_ settings: ThinkingSettings) throws(PromptError) -> AutomaticThinking? {
    guard let profile = thinkingProfile, (settings.mode ?? profile.defaultMode) == .auto else { return nil }
    let isTrained = profile.modes.contains(.auto)
    let decider = settings.automatic ?? (isTrained ? .model : .runtime)
    if decider == .model ? !isTrained : !profile.allowsRuntimeChoice {
      throw .thinkingUnsupported(.auto, model: name, supported: profile.modes)
    }
    return decider
  }

  /// The engine's view of the thinking markers after a prompt, with the limits of one request; nil where the model marks no
  /// thoughts.
  public func thinkingOptions(after prompt: [Int32], _ settings: ThinkingSettings = ThinkingSettings())
    -> ThinkingOptions?
  {
    guard let profile = thinkingProfile, let tokenizer = text?.tokenizer else { return nil }
    return ThinkingOptions(
      openToken: profile.open.token, closeToken: profile.close.token, budget: settings.budget,
      answerReserve: settings.answerReserve,
      bridgeTokens: tokenizer.encode(settings.bridge, parsingSpecialTokens: false),
      startsOpen: profile.startsInThoughts(after: prompt, tokenizer: tokenizer))
  }
}
