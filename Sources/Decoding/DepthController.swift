/// Decides, for each sequence and step, whether to draft, how deep, and how many drafts to verify.
///
/// The throughput of the loop is tokens over time. A number of drafts is worth verifying if the tokens that they are
/// expected to add, at the time that a token takes at present, exceed what their rows add to the forward. Costs are steps
/// rather than lines (a tile that is there anyway, an expert more), so whole prospects are compared and not single rows: the
/// next draft may cost more than it brings where three more pay. Everything used is measured while running: acceptance by
/// phase, position and the draft's own confidence; the time of a forward by its rows; the distinct experts that further rows
/// touch at present. Since tokens never depend on drafts, wall-clock times may be used freely.
struct DepthController {
  private(set) var mainCost: CostCurve
  private(set) var headCost: CostCurve
  private(set) var experts: ExpertUnion
  var acceptance = AcceptanceModel()
  private var throughput = [Throughput](repeating: Throughput(), count: Phase.allCases.count)

  /// What steps took and gave lately.
  private struct Throughput {
    var nanoseconds = 0.0
    var tokens = 0.0
  }

  init(maximumRows: Int) {
    mainCost = CostCurve(maximumRows: maximumRows)
    headCost = CostCurve(maximumRows: maximumRows)
    experts = ExpertUnion(maximumRows: maximumRows)
  }

  /// Nanoseconds that a token takes at present in a phase, all sequences together.
  func timePerToken(_ phase: Phase) -> Double {
    let average = throughput[phase.rawValue]
    return average.tokens == 0 ? mainCost.time(1) : average.nanoseconds / average.tokens
  }

  /// Adds the measured time of a forward of the main model.
  ///
  /// - Parameter experts: Distinct experts that it read, summed over the layers.
  mutating func recordMain(rows: Int, nanoseconds: Double, experts distinct: Int = 0) {
    let usual = mainCost.isKnown(rows) ? mainCost.time(rows) : nanoseconds
    experts.record(rows: rows, experts: distinct, excess: min(nanoseconds, 1.5 * usual) - usual)
    mainCost.record(rows: rows, nanoseconds: nanoseconds)
  }

  /// What `extra` rows add to a forward of `rows` rows, in nanoseconds.
  func rowCost(rows: Int, extra: Int) -> Double {
    let usual = mainCost.marginal(rows: rows, extra: extra)
    return usual + experts.surcharge(rows: rows, extra: extra, usual: usual)
  }

  /// Adds the measured time of a pass of the MTP head.
  mutating func recordHead(rows: Int, nanoseconds: Double) {
    headCost.record(rows: rows, nanoseconds: nanoseconds)
  }

  /// Adds a whole step in which a sequence was in this phase.
  mutating func recordStep(phase: Phase, nanoseconds: Double, tokens: Int) {
    guard tokens > 0 else { return }
    var average = throughput[phase.rawValue]
    let weight = average.tokens == 0 ? 1 : 0.05
    let bounded = average.tokens == 0 ? nanoseconds : min(nanoseconds, 2 * average.nanoseconds)
    average.nanoseconds += (bounded - average.nanoseconds) * weight
    average.tokens += (Double(tokens) - average.tokens) * weight
    throughput[phase.rawValue] = average
  }

  /// What a row of a head pass costs when `rows` sequences share it.
  func headPass(rows: Int) -> Double { headCost.time(max(rows, 1)) / Double(max(rows, 1)) }

  /// The number of drafts worth verifying and what they are worth, less the rows that they add to a forward of `rows` rows.
  ///
  /// - Parameter survivals: For each draft the probability that it adds a token, descending.
  func bestPrefix(_ survivals: [Double], phase: Phase, rows: Int) -> (count: Int, value: Double) {
    let perToken = timePerToken(phase)
    var best = (count: 0, value: 0.0)
    var tokens = 0.0
    for (place, survival) in survivals.enumerated() {
      tokens += survival
      let value = tokens * perToken - rowCost(rows: rows, extra: place + 1)
      if value > best.value { best = (place + 1, value) }
    }
    return best
  }

  /// Whether some number of further passes of the head promises more than to verify the best of the drafts made so far.
  ///
  /// - Parameters:
  ///   - survivals: Of the drafts so far.
  ///   - rate: How likely each further draft is to be accepted if those before it are.
  ///   - rows: Rows of the forward without drafts.
  ///   - sharing: Sequences that draft at the same time, which are taken to go as deep.
  ///   - limit: Most drafts the step can use.
  func wantsDeeper(
    _ survivals: [Double], rate: Double, phase: Phase, rows: Int, sharing: Int, limit: Int
  ) -> Bool {
    let perToken = timePerToken(phase)
    let pass = headPass(rows: sharing)
    let sharing = max(sharing, 1)
    func share(_ depth: Int) -> Double { rowCost(rows: rows, extra: depth * sharing) / Double(sharing) }
    var tokens = 0.0
    var settled = 0.0
    for (place, survival) in survivals.enumerated() {
      tokens += survival
      settled = max(settled, tokens * perToken - share(place + 1))
    }
    var survival = survivals.last ?? 1
    var passes = 0.0
    for depth in stride(from: survivals.count + 1, through: limit, by: 1) {
      survival *= rate
      tokens += survival
      passes += pass
      if tokens * perToken - share(depth) - passes > settled { return true }
    }
    return false
  }
}
