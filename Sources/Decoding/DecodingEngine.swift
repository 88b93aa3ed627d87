public import Models
public import Tensors

/// The sizes of an engine.
public struct EngineConfiguration: Sendable {
  /// Sequences in flight at once.
  public var slotCount: Int
  /// Positions a sequence may have.
  public var context: Int
  /// Worker threads.
  public var threadCount: Int
  /// Instruction set.
  public var kernels: KernelSet
  /// Prompt rows that a step takes in at most.
  public var promptRowsPerStep: Int

  /// Enough rows for an expert to be read once for many of them.
  private static let promptRows = 512

  /// Makes a configuration; prompts are taken in 512 rows a step where nothing else is said.
  public init(
    slotCount: Int = 1, context: Int, threadCount: Int, kernels: KernelSet = .best,
    promptRowsPerStep: Int? = nil
  ) {
    self.slotCount = slotCount
    self.context = context
    self.threadCount = threadCount
    self.kernels = kernels
    self.promptRowsPerStep = max(1, promptRowsPerStep ?? min(Self.promptRows, context))
  }
}

/// Runs many sequences through one model, draft and verification fused into one loop.
///
/// A step plans rows, runs the main model on all of them, verifies drafts, runs the MTP head straight on the step's hidden
/// rows and commits. Which rows happen to share a step never changes a token: kernels are row-invariant and a token is a
/// function of its logits row, the options, the history, the seed and its position.
///
/// One thread at a time may use an engine. To reach a running one from elsewhere, leave word with the thread that steps it,
/// which passes it on between two steps, as `LanguageModelSession` does.
public final class DecodingEngine {
  let model: DecoderModel
  let configuration: EngineConfiguration
  let cache: KeyValueCache
  let workspace: Workspace
  let pool: WorkerPool
  let sampler: Sampler
  let rows: StepRows
  let outputs: IndexList
  let draftRows: StepRows
  let draftSources: IndexList
  let draftQueries: IndexList
  let draftOutputs: IndexList
  /// Plans of the step in progress, one a live sequence, in the order of their rows.
  var plans: [SequencePlan] = []
  var drafting: [SequenceState] = []
  /// Sequences whose rows go to the heads in this step.
  var feeding: [FeedEntry] = []
  /// Hidden rows that a sequence may owe a head.
  let ringRows: Int
  var ranking = DraftRanking()
  /// Rows of the next step before any draft.
  var baseRows = 0
  var controller: DepthController
  var isCalibrated = false
  /// Rounds of drafting with the head in automatic mode so far.
  var headRounds = 0
  /// Whether drafting with the head has paid, by phase, as the sequence that drafted last knows it.
  var draftUtilities = [DraftUtility(), DraftUtility()]
  var live: [SequenceState] = []
  var waiting = RequestQueue()
  /// Cancelled before they had a slot, to be reported by the next step.
  private var dropped: [SequenceState] = []
  var freeSlots: [Int]
  /// Slots that remember a conversation, the one that has rested longest first.
  var retained: [RetainedPrefix] = []
  private var nextIdentifier = 0
  /// Nanoseconds inside forwards of the main model and the MTP heads so far.
  public internal(set) var forwardNanoseconds: UInt64 = 0
  /// Steps so far.
  public private(set) var stepCount = 0

  /// Plans an engine for a model: the cache and every buffer are made here, a steady step allocates nothing. Of the
  /// configuration's positions it takes as many as the model was loaded for.
  public init(model: DecoderModel, configuration: EngineConfiguration) {
    self.model = model
    // More positions than the model was prepared for have no rotation.
    var configuration = configuration
    configuration.context = min(configuration.context, model.contextCapacity)
    self.configuration = configuration
    let rowsPerSequence = 1 + Speculation.depths.upperBound
    let outputRows = configuration.slotCount * rowsPerSequence
    ringRows = HeadProgress.ringRows(slotCount: configuration.slotCount)
    let stashRows = configuration.slotCount * ringRows
    let maximumRows = outputRows + configuration.promptRowsPerStep + stashRows
    cache = model.makeCache(slotCount: configuration.slotCount, capacity: configuration.context)
    workspace = model.makeWorkspace(
      maximumRows: maximumRows, maximumOutputRows: outputRows, stashRows: stashRows,
      workerCount: configuration.threadCount)
    controller = DepthController(maximumRows: maximumRows)
    // Threads bound to processors lose badly to any other load on the machine, and gain nothing on an idle one.
    pool = WorkerPool(threadCount: configuration.threadCount, bindsThreads: false)
    sampler = Sampler(kernels: configuration.kernels, vocabularySize: model.description.vocabularySize)
    rows = StepRows(capacity: maximumRows)
    outputs = IndexList(capacity: outputRows)
    draftRows = StepRows(capacity: maximumRows)
    draftSources = IndexList(capacity: maximumRows)
    draftQueries = IndexList(capacity: maximumRows)
    draftOutputs = IndexList(capacity: outputRows)
    freeSlots = Array((0..<configuration.slotCount).reversed())
    plans.reserveCapacity(configuration.slotCount)
    drafting.reserveCapacity(configuration.slotCount)
    live.reserveCapacity(configuration.slotCount)
    feeding.reserveCapacity(2 * configuration.slotCount)
    ranking.reserveCapacity(configuration.slotCount * Speculation.depths.upperBound)
    retained.reserveCapacity(configuration.slotCount)
  }

  /// Checks that a request can be served.
  public func check(_ request: GenerationRequest) throws(RequestError) {
    try request.validate(
      vocabularySize: model.description.vocabularySize, context: configuration.context,
      mtpHeadCount: model.mtpHeadCount)
  }

  /// Queues a request; it starts when a slot is free.
  ///
  /// - Returns: The identifier that `step` reports tokens under.
  public func submit(_ request: GenerationRequest) throws(RequestError) -> Int {
    try check(request)
    let identifier = nextIdentifier
    nextIdentifier += 1
    waiting.append(
      SequenceState(
        identifier: identifier, request: request, context: configuration.context,
        vocabularySize: model.description.vocabularySize, mtpHeadCount: model.mtpHeadCount))
    return identifier
  }

  /// Whether no request is in flight or queued.
  public var isIdle: Bool { live.isEmpty && waiting.isEmpty && dropped.isEmpty }

  /// Ends a request; it is reported as finished by the next step.
  public func cancel(_ identifier: Int) {
    for sequence in live where sequence.identifier == identifier { sequence.finish(.cancelled) }
    if let sequence = waiting.remove(identifier) {
      sequence.finish(.cancelled)
      dropped.append(sequence)
    }
  }

  /// Ends the thoughts of a request: from the next step on the closing marker is forced, as if the budget had just been
  /// reached, and thoughts that begin later are closed at once. Drafts already made are verified against that.
  ///
  /// - Returns: Whether the request is in flight or queued and its thoughts are marked, so that they can be ended.
  @discardableResult
  public func endThinking(_ identifier: Int) -> Bool {
    guard
      let sequence = live.first(where: { $0.identifier == identifier && $0.finishReason == nil })
        ?? waiting.find(identifier)
    else { return false }
    return sequence.endThinking()
  }

  /// The prompt that a request in flight is answered on: the escalation's where the reply began anew. It is settled when the
  /// first token is handed out. Nil for requests that are not in flight.
  public func promptTokens(of identifier: Int) -> [Int32]? {
    live.first { $0.identifier == identifier }.map { Array($0.promptTokens) }
  }

  /// One round for every live sequence.
  ///
  /// - Parameter observe: Called for each new token in order, with the request's identifier; returning false ends that
  ///   request after this token (a stop string was completed), exactly as if no later token had been accepted.
  /// - Returns: The requests that ended in this step.
  public func step(
    observe: (_ identifier: Int, _ token: Int32, _ fate: TokenFate) -> Bool = { _, _, _ in true }
  )
    -> [GenerationResult]
  {
    admit()
    let start = monotonicNanoseconds()
    stepCount += 1
    planRows()
    let elapsed = measured(runMain)
    let isDecoding = rows.count == outputs.count
    if isDecoding {
      controller.recordMain(
        rows: rows.count, nanoseconds: elapsed, experts: workspace.expertReads.experts)
    }
    let tokens = verify(observe)
    draft()
    // A prompt's pass through the MTP head belongs to the prompt, so its clock stops here.
    for plan in plans where plan.firstOutput != nil {
      plan.sequence.timings.markFirstToken(forward: forwardNanoseconds)
    }
    if isDecoding {
      recordStep(nanoseconds: Double(monotonicNanoseconds() - start), tokens: tokens)
    }
    return retire()
  }

  /// Runs every queued request to its end; results come in the order of submission.
  public func run(
    observe: (_ identifier: Int, _ token: Int32, _ fate: TokenFate) -> Bool = { _, _, _ in true }
  ) -> [GenerationResult] {
    var results: [GenerationResult] = []
    while !isIdle { results += step(observe: observe) }
    return results.sorted { $0.identifier < $1.identifier }
  }

  private func recordStep(nanoseconds: Double, tokens: Int) {
    for phase in Phase.allCases where plans.contains(where: { $0.phase == phase }) {
      controller.recordStep(phase: phase, nanoseconds: nanoseconds, tokens: tokens)
    }
  }

  private func retire() -> [GenerationResult] {
    guard !dropped.isEmpty || live.contains(where: { $0.finishReason != nil }) else { return [] }
    var results = dropped.map { GenerationResult($0, reason: .cancelled) }
    dropped.removeAll()
    for sequence in live {
      guard let reason = sequence.finishReason else { continue }
      sequence.dropHeldTokens()
      sequence.timings.finish(forward: forwardNanoseconds)
      vacate(sequence)
      if sequence.request.speculation == .automatic { draftUtilities = sequence.utilities }
      results.append(GenerationResult(sequence, reason: reason))
    }
    live.removeAll { $0.finishReason != nil }
    return results
  }

  /// The main model on the rows of the step.
  func runMain() {
    model.forward(
      rows, outputs: outputs, keepsHidden: live.contains { $0.heads.count > 0 }, cache: cache,
      workspace: workspace, pool: pool, kernels: configuration.kernels)
  }

  /// Runs a forward, adds its time to the total and returns it in nanoseconds.
  func measured(_ body: () -> Void) -> Double {
    let start = monotonicNanoseconds()
    body()
    let elapsed = monotonicNanoseconds() - start
    forwardNanoseconds += elapsed
    return Double(elapsed)
  }
}

extension DecodingEngine {
  /// Tokens drafted for a request and not verified yet, for tests and tools.
  package func pendingDrafts(_ identifier: Int) -> [Int32] {
    live.first { $0.identifier == identifier }?.drafts ?? []
  }
}
