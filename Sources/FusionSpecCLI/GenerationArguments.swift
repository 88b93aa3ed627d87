public import ArgumentParser
public import Decoding
import FusionSpec
import Models

extension TokenBias: ExpressibleByArgument {
  /// Reads "17=-2.5"; "-inf" forbids a token.
  public init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1)
    guard parts.count == 2, let token = Int32(parts[0]), let bias = Float(parts[1]), !bias.isNaN,
      bias < .infinity
    else { return nil }
    self.init(token: token, bias: bias)
  }
}

/// Checks a limit on tokens before anything is added to it.
func checkMaxTokens(_ value: Int, from least: Int = 1) throws {
  let accepted = least...GenerationRequest.tokenLimits.upperBound
  if !accepted.contains(value) {
    throw ValidationError("--max-tokens: found \(value), accepted: \(least) to \(accepted.upperBound)")
  }
}

/// How drafts are made.
enum SpeculationChoice: String, CaseIterable, ExpressibleByArgument {
  case off
  case auto
  case mtp
  case lookup
}

/// The options of sampling, speculation and thinking.
struct GenerationArguments: ParsableArguments {
  @Option(
    name: .customLong("max-tokens"),
    help: "Most tokens to generate (default: 256; in a chat, what the context has room for).")
  var tokenLimit: Int?
  @Option(help: "Tokens before which the reply cannot end.") var minTokens = 0
  @Option(help: "0 takes the most probable token.") var temperature: Float = 0
  @Option(help: "Keep the most probable tokens up to this probability.") var topP: Float = 1
  @Option(help: "Keep the k most probable tokens; 0 keeps all.") var topK = 0
  @Option(help: "Keep tokens at least this probable relative to the best.") var minP: Float = 0
  @Option(help: "Divides the logits of tokens already seen; 1 is off.") var repetitionPenalty: Float = 1
  @Option(
    help: ArgumentHelp("Adds to a token's logit, such as 17=-2.5; may be repeated.", valueName: "id=bias"))
  var logitBias: [TokenBias] = []
  @Option(help: "Key of the random numbers; the same seed gives the same text.") var seed: UInt64 = 0
  @Option(help: ArgumentHelp("Ends the reply before this text; may be repeated.", valueName: "text"))
  var stop: [String] = []
  @Option(help: "Drafting: \(SpeculationChoice.allCases.map(\.rawValue).joined(separator: ", ")).")
  var speculation: SpeculationChoice = .auto
  @Option(help: "Drafts a step, 1 to 8 (default: auto chooses, 3 for mtp).") var depth: Int?
  @Option(
    help: ArgumentHelp(
      "Output head that drafts are read from: auto, full, int8 (an 8-bit copy). No token of a text depends on it.",
      valueName: "format"))
  var draftHead = DraftHeadFormat.automatic
  @Option(
    help:
      "Thinking: \(ThinkingMode.allCases.map(\.rawValue).joined(separator: ", ")) (default: the model's own)."
  )
  var thinking: ThinkingMode?
  @OptionGroup var limits: ThinkingArguments
  @Flag(help: "Do not stop at the end-of-sequence token.") var ignoreEos = false
  @Option(
    help: ArgumentHelp(
      "For benchmarks only: accept each draft with the probability given for its position, such as 0.9,0.8,0.7. "
        + "The text is garbage.", valueName: "rates"))
  var syntheticAcceptance: AcceptanceRates?

  /// Most tokens to generate.
  var maxTokens: Int { tokenLimit ?? 256 }

  func validate() throws {
    if let depth, !Speculation.depths.contains(depth) {
      throw ValidationError("--depth: found \(depth), accepted: 1 to \(Speculation.depths.upperBound)")
    }
    if depth != nil, speculation == .off {
      throw ValidationError("--depth has no meaning with --speculation off")
    }
    if !(0...max(maxTokens, 0)).contains(minTokens) {
      throw ValidationError("--min-tokens: found \(minTokens), accepted: 0 to --max-tokens (\(maxTokens))")
    }
    try checkMaxTokens(maxTokens)
    do {
      try sampling.validate()
    } catch {
      throw ValidationError("--\(error)")
    }
  }

  var sampling: SamplingOptions {
    SamplingOptions(
      temperature: temperature, topK: topK, topP: topP, minP: minP, repetitionPenalty: repetitionPenalty,
      seed: seed,
      biases: logitBias)
  }

  /// What the engine is asked to draft with.
  var speculationMode: Speculation {
    switch speculation {
    case .off: .off
    case .mtp: .mtp(depth: depth ?? 3)
    case .lookup: .lookup(depth: depth ?? 5)
    case .auto: depth.map { .mtp(depth: $0) } ?? .automatic
    }
  }

  /// The request for a prompt.
  func request(_ model: LanguageModel, prompt: Prompt, thinking mode: ThinkingMode?) throws
    -> GenerationRequest
  {
    var request = try model.request(
      prompt, thinking: limits.settings(mode), maximumTokens: maxTokens, sampling: sampling,
      stopTokens: ignoreEos ? [] : nil, speculation: speculationMode)
    // A fixed depth without a drafter named: the head where there is one, else copies.
    if speculation == .auto, let depth, model.decoder.mtpHeadCount == 0 {
      request.speculation = .lookup(depth: depth)
    }
    request.minimumTokens = minTokens
    request.syntheticAcceptance = syntheticAcceptance?.values
    return request
  }
}

extension GenerationArguments {
  /// The head that drafts are read from; nothing is measured where no MTP head drafts.
  var neededDraftHead: DraftHeadFormat {
    draftHead == .automatic && (speculation == .off || speculation == .lookup) ? .full : draftHead
  }
}
