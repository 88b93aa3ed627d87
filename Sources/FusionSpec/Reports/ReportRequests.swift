import Decoding

// What a report asks of the engine for each prompt.
extension GenerationRequest {
  /// The request for a prompt, with speculation left off.
  static func forReport(
    _ model: LanguageModel, _ prompt: ReportPrompt, _ settings: ThinkingSettings, _ options: AcceptanceOptions
  ) throws(PromptError) -> GenerationRequest {
    try model.request(
      prompt.prompt, thinking: settings, maximumTokens: options.maximumTokens, sampling: options.sampling,
      stopTokens: options.ignoresEndOfSequence ? [] : nil, speculation: .off)
  }

  /// Tokens of the prompt, or of the escalation's where that one is longer.
  var longestPromptCount: Int { max(promptTokens.count, escalation?.promptTokens.count ?? 0) }

  /// The request with only the last tokens of prompts that do not fit, where that is asked for.
  func shortened(_ options: AcceptanceOptions, context: Int) -> GenerationRequest {
    guard options.longPrompts == .truncate, longestPromptCount >= context else { return self }
    let room = max(1, context - options.maximumTokens)
    var request = self
    request.promptTokens = promptTokens.suffix(room)
    if let prompt = escalation?.promptTokens {
      request.escalation?.promptTokens = prompt.suffix(room)
    }
    return request
  }
}
