public import Decoding
import Models
import Tensors

/// Runs prompts plain and with each setting, and measures.
///
/// One engine serves all settings that do not learn, another one those that do, for all prompts: the depth controller
/// learns as it would in a server. Alone (batch 1) every prompt is run in all settings one after another, and the
/// order rotates between prompts and repetitions, so that drift of the machine cancels. In a batch the whole set is run in one
/// setting after another.
public final class AcceptanceRunner {
  let model: LanguageModel
  let prompts: [ReportPrompt]
  let options: AcceptanceOptions
  private let skippedPrompts: [String]
  private let truncatedPrompts: [String]
  let requests: [[GenerationRequest]]  // [thinking mode][prompt], speculation left off
  private let budgetRequests: [[GenerationRequest]]  // [budget][prompt]
  private let fixedEngine: DecodingEngine
  private let learningEngine: DecodingEngine
  private let context: Int

  /// Prepares a run.
  ///
  /// - Throws: `PromptError` where a prompt or a thinking mode does not suit the model; `RequestError` where the limits on
  ///   thoughts do not fit into a reply.
  public init(model: LanguageModel, prompts: [ReportPrompt], options: AcceptanceOptions) throws {
    self.model = model
    self.options = options
    let modes = try options.thinking.map { mode in
      try prompts.map { prompt in
        var settings = options.limits
        settings.mode = mode ?? prompt.thinking
        return try GenerationRequest.forReport(model, prompt, settings, options)
      }
    }
    let budgets = try options.budgets.map { budget in
      try prompts.map { prompt in
        var settings = options.limits
        settings.mode = .slow
        settings.budget = budget
        return try GenerationRequest.forReport(model, prompt, settings, options)
      }
    }
    let fitting = prompts.indices.filter { place in
      options.longPrompts == .fail
        || (modes + budgets).allSatisfy { $0[place].longestPromptCount < model.context }
    }
    let long = prompts.indices.filter { !fitting.contains($0) }.map { prompts[$0].id }
    skippedPrompts = options.longPrompts == .skip ? long : []
    truncatedPrompts = options.longPrompts == .truncate ? long : []
    let kept = options.longPrompts == .truncate ? Array(prompts.indices) : fitting
    self.prompts = kept.map { prompts[$0] }
    func keep(_ requests: [GenerationRequest]) -> [GenerationRequest] {
      kept.map { requests[$0].shortened(options, context: model.context) }
    }
    requests = modes.map(keep)
    budgetRequests = budgets.map(keep)
    let needed = (requests + budgetRequests).joined().map(\.greatestLength).max() ?? 1
    context = min(needed, model.context)
    fixedEngine = model.makeEngine(batchSize: options.batch, context: context)
    learningEngine = model.makeEngine(batchSize: options.batch, context: context)
    for request in (requests + budgetRequests).joined() { try fixedEngine.check(request) }
  }

  /// The requests of all thinking modes.
  public var allRequests: [GenerationRequest] { Array(requests.joined()) }

  /// Prompts that will be run.
  public var promptCount: Int { prompts.count }

  /// Who chooses in automatic mode; nil where no prompt is in it.
  private var automatic: AutomaticThinking? {
    if requests.joined().contains(where: { $0.escalation != nil }) { return .runtime }
    let isAsked = options.thinking.contains { mode in
      mode == .auto
        || mode == nil
          && prompts.contains { ($0.thinking ?? model.thinkingProfile?.defaultMode) == .auto }
    }
    return isAsked ? .model : nil
  }

  /// Plain decoding, then the settings.
  var speculations: [Speculation] { [.off] + options.speculations }

  /// Runs everything.
  ///
  /// - Parameters:
  ///   - progress: Called with the number of prompt runs done and to do.
  ///   - isCancelled: Asked between prompts; true ends the run with the prompts that are complete.
  public func run(
    progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }, isCancelled: () -> Bool = { false }
  ) throws -> AcceptanceReport {
    let probes = try model.probeDraftHeads()
    try warmUp()
    let sets =
      options.batch == 1
      ? try runAlone(progress: progress, isCancelled: isCancelled)
      : try runTogether(progress: progress, isCancelled: isCancelled)
    let complete = sets.joined().map { $0.replies.count }.min() ?? 0
    let budgets = try isCancelled() ? [] : runBudgets(complete, progress: progress)
    let couplingsByMode = try sets.enumerated().map { mode, sets in
      try couplings(mode, sets[0].replies.prefix(complete))
    }
    var results: [SettingResult] = []
    for (mode, thinking) in options.thinking.enumerated() {
      let plain = sets[mode][0]
      for (place, speculation) in options.speculations.enumerated() {
        let own = sets[mode][place + 1]
        var result = SettingResult(
          setting: ReportSetting(speculation: speculation, thinking: thinking),
          replies: Array(own.replies.prefix(complete)), plain: Array(plain.replies.prefix(complete)),
          setMilliseconds: own.milliseconds, plainSetMilliseconds: plain.milliseconds)
        result.coupling = coupling(result, couplingsByMode[mode])
        results.append(result)
      }
    }
    return AcceptanceReport(
      model: model.name, weights: model.weightFormat.rawValue, isa: model.kernels.name,
      threads: model.threadCount,
      options: options, prompts: Array(prompts.prefix(complete)), results: results,
      costs: measureCosts(results.first), skippedPrompts: skippedPrompts, truncatedPrompts: truncatedPrompts,
      automatic: automatic, budgets: budgets,
      draftHead: model.decoder.mtpHeadCount > 0 ? model.decoder.draftHeadFormat : nil, probes: probes)
  }

  /// How far the first MTP head is from the model at every token of the plain replies; empty where there is nothing to
  /// compare. Runs after everything that is timed.
  private func couplings(
    _ mode: Int, _ replies: ArraySlice<ReplyMeasurement>
  ) throws(RequestError) -> [[DraftCoupling?]] {
    let hasHeadDrafts = options.speculations.contains { $0.usesHeads }
    guard !options.sampling.isGreedy, options.syntheticAcceptance == nil, hasHeadDrafts,
      model.decoder.mtpHeadCount > 0
    else { return [] }
    let passes = TeacherForcing(model: model.decoder, threadCount: model.threadCount, kernels: model.kernels)
    var all: [[DraftCoupling?]] = []
    for (asked, reply) in zip(requests[mode], replies) {
      var request = asked
      if let escalation = request.escalation, reply.promptTokens == escalation.promptTokens {
        request.promptTokens = escalation.promptTokens
        request.thinking = escalation.thinking
      }
      all.append(try passes.coupling(request, reply: reply.tokens))
    }
    return all
  }

  /// The coupling of a setting; replies that are not those of plain decoding say nothing.
  private func coupling(_ result: SettingResult, _ couplings: [[DraftCoupling?]]) -> CouplingSummary? {
    guard result.setting.speculation.usesHeads, !couplings.isEmpty else { return nil }
    let places = result.replies.indices.filter { result.replies[$0].tokens == result.plain[$0].tokens }
    return CouplingSummary(
      replies: places.map { result.replies[$0] }, couplings: places.map { couplings[$0] })
  }

  /// Slow thinking under each budget, over the prompts that everything else was run on.
  private func runBudgets(_ count: Int, progress: (Int, Int) -> Void) throws -> [BudgetResult] {
    var results: [BudgetResult] = []
    for (budget, requests) in zip(options.budgets, budgetRequests) {
      progress(results.count * count, budgetRequests.count * count)
      let requests = requests.prefix(count).map { request in
        var request = request
        request.speculation = .automatic
        return request
      }
      let replies =
        options.batch == 1
        ? try requests.flatMap { try collect([$0], engine: learningEngine) }
        : try collect(requests, engine: learningEngine)
      results.append(BudgetResult(budget: budget, replies: replies))
    }
    return results
  }

  /// Pages in the weights and settles clocks before anything is timed.
  private func warmUp() throws {
    guard let request = requests.first?.first else { return }
    var short = request
    short.maximumTokens = min(32, request.maximumTokens)
    // What does not fit into a short reply is not what this is for.
    short.escalation = nil
    short.thinking?.answerReserve = 0
    short.thinking?.budget = nil
    for speculation in speculations {
      short.speculation = speculation
      _ = try collect([short], engine: engine(speculation))
    }
  }

  func engine(_ speculation: Speculation) -> DecodingEngine {
    speculation == .automatic ? learningEngine : fixedEngine
  }

  /// Runs requests through an engine to their ends.
  func collect(_ requests: [GenerationRequest], engine: DecodingEngine) throws -> [ReplyMeasurement] {
    let identifiers = try requests.map { try engine.submit($0) }
    let first = identifiers.first ?? 0
    var fates = [[TokenFate]](repeating: [], count: requests.count)
    for place in fates.indices { fates[place].reserveCapacity(requests[place].maximumTokens) }
    let results = engine.run { identifier, _, fate in
      fates[identifier - first].append(fate)
      return true
    }
    return results.enumerated().map { place, result in
      var text = ReplyText(model, after: result.promptTokens)
      for token in result.tokens { _ = text.append(token) }
      _ = text.finish()
      return ReplyMeasurement(result, fates: fates[place], answerText: text.answerText)
    }
  }

  /// Costs by rows at the end of a text of the run: the one of middle length among those that are long enough.
  private func measureCosts(_ result: SettingResult?) -> CostMeasurement {
    let depths = 0...Speculation.depths.upperBound
    let counts = Set(1...9).union(depths.map { options.batch * ($0 + 1) }).sorted()
    let texts = zip(requests.first ?? [], result?.plain ?? []).map { $0.promptTokens + $1.tokens }
      .sorted { $0.count < $1.count }
    let long = texts.filter { $0.count > (counts.last ?? 0) + options.batch }
    guard let text = long.isEmpty ? texts.last : long[long.count / 2] else {
      return CostMeasurement(forwards: [], draftMilliseconds: 0)
    }
    return fixedEngine.measureCosts(
      text: text, rowCounts: counts, draftRows: options.batch, milliseconds: 800)
  }
}
