import ChatTemplates
public import Models
public import Tokenization

/// A published way of switching modes and marking thoughts, and the signs by which it is known.
///
/// Signs in a template are checked by rendering: a mode counts only if the template makes another prompt of it, and the default
/// is the mode whose prompt is the one without any switch.
struct ThinkingFamily {
  let name: String
  let open: String
  let close: String
  /// Texts that the chat template must contain.
  var templateSigns: [String] = []
  /// The configuration that the model must have; nil for any.
  var hasModel: (@Sendable (ModelDescription) -> Bool)?
  let modeSwitch: ThinkingProfile.Switch
  /// The default where no template can tell.
  var defaultMode: ThinkingMode = .slow

  /// The families that are known; the first whose signs are there counts.
  ///
  /// Sources: the model cards and chat templates of openPangu-Embedded-1B and 7B-V1.1, GLM-4.5, Qwen3, DeepSeek-V3.1 and
  /// DeepSeek-R1.
  static let known: [ThinkingFamily] = [
    // The 1B is a model of 26 layers, trained for fast answers alone.
    ThinkingFamily(
      name: "openPangu Embedded 1B", open: "[unused16]", close: "[unused17]",
      hasModel: { $0.modelType == "PanguEmbedded" && $0.layerCount <= 26 }, modeSwitch: .fixed(.fast)),
    ThinkingFamily(
      name: "openPangu Embedded", open: "[unused16]", close: "[unused17]",
      hasModel: { $0.modelType == "PanguEmbedded" },
      modeSwitch: .suffix([.slow: "", .fast: " /no_think", .auto: " /auto_think"])),
    ThinkingFamily(
      name: "Abacus", open: "<think>", close: "</think>",
      templateSigns: ["thinking", "/no_think", "/auto_think"],
      modeSwitch: .templateVariable("thinking", values: [.fast: "fast", .slow: "slow", .auto: "auto"])),
    ThinkingFamily(
      name: "DeepSeek-V3.1", open: "<think>", close: "</think>",
      templateSigns: ["thinking", "</think>", "<｜Assistant｜>"],
      modeSwitch: .templateVariable("thinking", values: [.fast: false, .slow: true])),
    // Its first template left the opening marker to the model, later ones put it into the prompt.
    ThinkingFamily(
      name: "DeepSeek-R1", open: "<think>", close: "</think>", templateSigns: ["</think>", "<｜Assistant｜>"],
      modeSwitch: .fixed(.slow)),
    ThinkingFamily(
      name: "GLM-4.5", open: "<think>", close: "</think>", templateSigns: ["enable_thinking", "/nothink"],
      modeSwitch: .templateVariable("enable_thinking", values: [.fast: false, .slow: true])),
    ThinkingFamily(
      name: "Qwen3", open: "<think>", close: "</think>", templateSigns: ["enable_thinking"],
      modeSwitch: .templateVariable("enable_thinking", values: [.fast: false, .slow: true])),
  ]

  /// The profile of a model of this family; nil where a sign is missing.
  func profile(_ text: TextProcessor, _ model: ModelDescription) -> ThinkingProfile? {
    if let hasModel, !hasModel(model) { return nil }
    let source = text.chatTemplate?.source ?? ""
    guard templateSigns.allSatisfy(source.contains),
      let open = text.tokenizer.token(for: open), let close = text.tokenizer.token(for: close)
    else { return nil }
    let profile = ThinkingProfile(
      name: name, open: .init(text: self.open, token: open), close: .init(text: self.close, token: close),
      modeSwitch: modeSwitch, defaultMode: modeSwitch.modes.first ?? defaultMode)
    guard case .templateVariable = modeSwitch else {
      return profile.with(defaultMode: modeSwitch.modes.contains(defaultMode) ? defaultMode : nil)
    }
    let prompts = modeSwitch.modes.map { profile.prompt(text, mode: $0) }
    guard Set(prompts).count == prompts.count, !prompts.contains(nil) else { return nil }
    let plain = ThinkingProfile.prompt(text, variables: [:])
    return profile.with(defaultMode: zip(modeSwitch.modes, prompts).first { $1 == plain }?.0 ?? defaultMode)
  }
}

extension ThinkingProfile {
  /// Finds the profile of a model from its configuration, tokenizer and template; nil where it has none that is known.
  public init?(_ text: TextProcessor, model: ModelDescription) {
    for family in ThinkingFamily.known {
      guard let profile = family.profile(text, model) else { continue }
      self = profile
      return
    }
    guard let profile = Self.alwaysThinking(text) else { return nil }
    self = profile
  }

  /// The profile of a model whose template opens every reply with thoughts.
  private static func alwaysThinking(_ text: TextProcessor) -> ThinkingProfile? {
    let tokenizer = text.tokenizer
    guard let open = tokenizer.token(for: "<think>"), let close = tokenizer.token(for: "</think>"),
      let prompt = prompt(text, variables: [:])
    else { return nil }
    let profile = ThinkingProfile(
      name: "always thinking", open: Marker(text: "<think>", token: open),
      close: Marker(text: "</think>", token: close), modeSwitch: .fixed(.slow), defaultMode: .slow)
    let tokens = tokenizer.encode(prompt, parsingSpecialTokens: true)
    return profile.startsInThoughts(after: tokens, tokenizer: tokenizer) ? profile : nil
  }

  fileprivate func with(defaultMode: ThinkingMode?) -> ThinkingProfile {
    ThinkingProfile(
      name: name, open: open, close: close, modeSwitch: modeSwitch,
      defaultMode: defaultMode ?? self.defaultMode)
  }

  /// The template's prompt for one harmless question in a mode.
  fileprivate func prompt(_ text: TextProcessor, mode: ThinkingMode) -> String? {
    conversation([], mode: mode).flatMap { Self.prompt(text, variables: $0.variables) }
  }

  fileprivate static func prompt(_ text: TextProcessor, variables: [String: TemplateValue]) -> String? {
    try? text.renderChat(
      messages: [ChatMessage(role: "user", content: "1").templateValue], variables: variables)
  }
}
