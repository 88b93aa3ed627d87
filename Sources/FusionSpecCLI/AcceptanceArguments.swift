public import ArgumentParser
import Decoding
public import FusionSpec
import Models

/// Rates of forced acceptance as an option's value, such as 0.9,0.8,0.7.
struct AcceptanceRates: ExpressibleByArgument {
  let values: [Double]

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
    let values = parts.compactMap { $0 }
    guard values.count == parts.count, (try? SyntheticAcceptance.validate(values)) != nil else { return nil }
    self.values = values
  }

  /// What a person must know before believing a word.
  static let warning = "warning: acceptance is forced (--synthetic-acceptance): the text is garbage"
}

extension LongPromptRule: ExpressibleByArgument {}

/// What `--depths` lists.
struct DepthList: ExpressibleByArgument {
  let speculations: [Speculation]

  init(_ speculations: [Speculation]) { self.speculations = speculations }

  init?(argument: String) {
    var speculations: [Speculation] = []
    for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
      switch part {
      case "off": speculations.append(.off)
      case "auto": speculations.append(.automatic)
      case "lookup": speculations.append(.lookup(depth: 5))
      default:
        guard let depth = Int(part), Speculation.depths.contains(depth) else { return nil }
        speculations.append(.mtp(depth: depth))
      }
    }
    let isUnique = speculations.indices.allSatisfy { !speculations[..<$0].contains(speculations[$0]) }
    guard isUnique, !speculations.isEmpty else { return nil }
    self.speculations = speculations
  }

  /// The settings that suit a model where nothing is asked for.
  static func standard(mtpHeadCount: Int) -> DepthList {
    DepthList(
      mtpHeadCount > 0 ? (1...4).map { .mtp(depth: $0) } + [.automatic] : [.lookup(depth: 5), .automatic])
  }
}

/// What `--thinking` lists.
struct ThinkingList: ExpressibleByArgument {
  let modes: [ThinkingMode]

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map {
      ThinkingMode(rawValue: String($0))
    }
    let modes = parts.compactMap { $0 }
    guard modes.count == parts.count, Set(modes).count == modes.count, !modes.isEmpty else { return nil }
    self.modes = modes
  }
}

/// What `--thinking-budgets` lists.
struct BudgetList: ExpressibleByArgument {
  let budgets: [Int]

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    let budgets = parts.compactMap { $0 }
    guard budgets.count == parts.count, Set(budgets).count == budgets.count, !budgets.isEmpty,
      budgets.allSatisfy({ (0...GenerationRequest.tokenLimits.upperBound).contains($0) })
    else { return nil }
    self.budgets = budgets.sorted()
  }
}

/// The options of `acceptance` that say how prompts are run.
struct AcceptanceArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What to compare with plain decoding, separated by commas: 1 to 8 (drafts of the MTP head), lookup, auto, and off for a "
        + "second plain run, which shows the noise (default: 1,2,3,4,auto, without an MTP head lookup,auto).",
      valueName: "list"))
  var depths: DepthList?
  @Option(
    help: ArgumentHelp(
      "Thinking modes to run everything in: fast, slow, auto, separated by commas (default: as each prompt asks, else the "
        + "model's own).", valueName: "list"))
  var thinking: ThinkingList?
  @Option(
    help: ArgumentHelp(
      "Output head that drafts are read from: auto, full, int8 (an 8-bit copy). No token of a text depends on it.",
      valueName: "format"))
  var draftHead = DraftHeadFormat.automatic
  @Option(
    help: ArgumentHelp(
      "Budgets to run slow thinking with as well, separated by commas, such as 0,8,16,32,64,128: accuracy against budget.",
      valueName: "list"))
  var thinkingBudgets: BudgetList?
  @Option(help: "Most tokens of a reply.") var maxTokens = 256
  @Option(help: "Prompts in flight at once; beyond 1 the whole set is timed, prompts included.") var batch = 1
  @Option(help: "Run everything this often and take medians.") var repetitions = 1
  @Option(help: "0 takes the most probable token.") var temperature: Float = 0
  @Option(help: "Keep the most probable tokens up to this probability.") var topP: Float = 1
  @Option(help: "Keep the k most probable tokens; 0 keeps all.") var topK = 0
  @Option(help: "Keep tokens at least this probable relative to the best.") var minP: Float = 0
  @Option(help: "Divides the logits of tokens already seen; 1 is off.") var repetitionPenalty: Float = 1
  @Option(help: "Key of the random numbers; the same seed gives the same text.") var seed: UInt64 = 0
  @OptionGroup var limits: ThinkingArguments
  @Flag(help: "Do not stop at the end-of-sequence token.") var ignoreEos = false
  @Option(
    help: ArgumentHelp(
      "Prompts that do not fit into the context: skip, truncate (only their last tokens are used), fail.",
      valueName: "rule"))
  var longPrompts: LongPromptRule = .skip
  @Option(
    help: ArgumentHelp(
      "For benchmarks only: accept each draft with the probability given for its position, such as 0.9,0.8,0.7. "
        + "The text is garbage and token ids are not compared.", valueName: "rates"))
  var syntheticAcceptance: AcceptanceRates?

  func validate() throws {
    try checkMaxTokens(maxTokens)
    try limits.checkBridge(isLimited: limits.isLimited || thinkingBudgets != nil)
    if !(1...256).contains(batch) { throw ValidationError("--batch: found \(batch), accepted: 1 to 256") }
    if !(1...1000).contains(repetitions) {
      throw ValidationError("--repetitions: found \(repetitions), accepted: 1 to 1000")
    }
    do {
      try sampling.validate()
    } catch {
      throw ValidationError("--\(error)")
    }
  }

  var sampling: SamplingOptions {
    SamplingOptions(
      temperature: temperature, topK: topK, topP: topP, minP: minP, repetitionPenalty: repetitionPenalty,
      seed: seed)
  }

  /// The options for a model.
  func options(_ model: LanguageModel, prompts: [ReportPrompt], isRaw: Bool) throws -> AcceptanceOptions {
    let standard = DepthList.standard(mtpHeadCount: model.decoder.mtpHeadCount)
    // Where all prompts leave the mode to the model, its default is what was measured.
    let isDefault = !isRaw && prompts.allSatisfy { $0.thinking == nil }
    let modes: [ThinkingMode?] = thinking?.modes ?? [isDefault ? model.thinkingProfile?.defaultMode : nil]
    return AcceptanceOptions(
      speculations: (depths ?? standard).speculations, thinking: modes,
      maximumTokens: maxTokens,
      sampling: sampling, batch: min(batch, prompts.count), repetitions: repetitions,
      ignoresEndOfSequence: ignoreEos,
      limits: limits.settings(nil), budgets: thinkingBudgets?.budgets ?? [],
      syntheticAcceptance: syntheticAcceptance?.values, longPrompts: longPrompts)
  }
}
