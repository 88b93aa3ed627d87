public import Decoding
public import Models

/// How a report's prompts are run.
public struct AcceptanceOptions: Sendable {
  /// Settings to compare with plain decoding.
  public var speculations: [Speculation]
  /// Thinking modes to run everything in; a nil entry leaves the mode to the prompt's own line and the model.
  public var thinking: [ThinkingMode?]
  /// Most tokens of a reply.
  public var maximumTokens: Int
  /// How tokens are chosen.
  public var sampling: SamplingOptions
  /// Sequences in flight at once.
  public var batch: Int
  /// How often everything is run.
  public var repetitions: Int
  /// Whether the end-of-sequence token is generated like any other.
  public var ignoresEndOfSequence: Bool
  /// Limits on thoughts, and who chooses in automatic mode; the mode itself comes from `thinking`.
  public var limits: ThinkingSettings
  /// Budgets to run slow thinking with as well.
  public var budgets: [Int]
  /// Forced acceptance; nil for the real one.
  public var syntheticAcceptance: [Double]?
  /// What becomes of prompts that leave no room in the context.
  public var longPrompts: LongPromptRule

  /// Makes options.
  public init(
    speculations: [Speculation], thinking: [ThinkingMode?] = [nil], maximumTokens: Int = 256,
    sampling: SamplingOptions = SamplingOptions(), batch: Int = 1, repetitions: Int = 1,
    ignoresEndOfSequence: Bool = false, limits: ThinkingSettings = ThinkingSettings(), budgets: [Int] = [],
    syntheticAcceptance: [Double]? = nil, longPrompts: LongPromptRule = .skip
  ) {
    self.speculations = speculations
    self.thinking = thinking
    self.maximumTokens = maximumTokens
    self.sampling = sampling
    self.batch = batch
    self.repetitions = repetitions
    self.ignoresEndOfSequence = ignoresEndOfSequence
    self.limits = limits
    self.budgets = budgets
    self.syntheticAcceptance = syntheticAcceptance
    self.longPrompts = longPrompts
  }
}

/// What becomes of prompts that leave no room for a reply in the context.
public enum LongPromptRule: String, Sendable, CaseIterable {
  /// They are left out, and the report names them.
  case skip
  /// Only as many of their last tokens are used as leave room for the whole reply.
  case truncate
  /// The run does not begin.
  case fail
}

/// Everything that a run of `AcceptanceRunner` found out.
public struct AcceptanceReport: Sendable {
  /// The model's name.
  public var model: String
  /// Format of the weights in memory.
  public var weights: String
  /// Instruction set.
  public var isa: String
  /// Worker threads.
  public var threads: Int
  /// How the prompts were run.
  public var options: AcceptanceOptions
  /// The prompts that were run to the end.
  public var prompts: [ReportPrompt]
  /// One result for each thinking mode and setting.
  public var results: [SettingResult]
  /// What forwards cost.
  public var costs: CostMeasurement
  /// Names of the prompts that were left out because they do not fit into the context.
  public var skippedPrompts: [String]
  /// Names of the prompts of which only the last tokens were used.
  public var truncatedPrompts: [String]
  /// Who chose between fast and slow in automatic mode; nil where that mode was not run.
  public var automatic: AutomaticThinking?
  /// What slow thinking reached with each budget asked for, in ascending order.
  public var budgets: [BudgetResult]
  /// The output head that drafts were read from; nil for a model without MTP heads.
  public var draftHead: DraftHeadFormat?
  /// What the wiring test found of each MTP head.
  public var probes: [DraftHeadProbe]

  /// Makes a report.
  public init(
    model: String, weights: String, isa: String, threads: Int, options: AcceptanceOptions,
    prompts: [ReportPrompt],
    results: [SettingResult], costs: CostMeasurement, skippedPrompts: [String] = [],
    truncatedPrompts: [String] = [],
    automatic: AutomaticThinking? = nil,
    budgets: [BudgetResult] = [],
    draftHead: DraftHeadFormat? = nil, probes: [DraftHeadProbe] = []
  ) {
    self.model = model
    self.weights = weights
    self.isa = isa
    self.threads = threads
    self.options = options
    self.prompts = prompts
    self.results = results
    self.costs = costs
    self.skippedPrompts = skippedPrompts
    self.truncatedPrompts = truncatedPrompts
    self.automatic = automatic
    self.budgets = budgets
    self.draftHead = draftHead
    self.probes = probes
  }

  /// Who chose in automatic mode, in a few words; nil where that mode was not run.
  public var automaticChoice: String? {
    automatic.map {
      $0 == .model
        ? "auto: the model's choice" : "auto: the runtime's choice, threshold \(options.limits.threshold)"
    }
  }

  /// Whether acceptance was forced, which makes every text garbage.
  public var isSynthetic: Bool { options.syntheticAcceptance != nil }

  /// Whether every setting gave the token ids of plain decoding for every prompt; nil where acceptance was forced.
  public var isIdentical: Bool? {
    isSynthetic ? nil : results.allSatisfy { $0.differingPrompts.isEmpty }
  }

  /// Predictions for the depths of a thinking mode, from each fixed depth's own acceptance where it was run, else from the
  /// deepest one's.
  public func predictions(thinking: ThinkingMode?) -> [SpeedPrediction] {
    var acceptance: [Int: [Double]] = [:]
    for result in results where result.setting.thinking == thinking {
      guard case .mtp(let depth) = result.setting.speculation else { continue }
      acceptance[depth] = result.summary(prompts).counters.acceptancePerPosition
    }
    guard let deepest = acceptance.keys.max() else { return [] }
    return (1...deepest).compactMap { depth in
      let rates = acceptance[depth].flatMap { $0.count >= depth ? $0 : nil } ?? acceptance[deepest] ?? []
      return SpeedPrediction(
        depth: depth, acceptancePerPosition: rates, costs: costs, batch: options.batch)
    }
  }
}
