import Tensors

/// The panels of all routed experts' gate and up matrices as one line of work, cut into parts by cost: a panel costs one read of its
/// weights plus its rows. Each worker has its part of the shared expert's panels too, and so many of the routed ones that both
/// together are its part of the whole.
struct WorkLine {
  let expertPanels: Int
  private let sharedPanels: Int
  private let sharedPanelCost: Int
  private let readCost: Int
  private let total: Int
  private let cuts: WorkCuts
  /// What this worker's part of the shared expert costs, and its part of the line.
  let sharedCost: Int
  private var own = 0..<0

  init(
    _ mixture: MixtureOfExperts, groups: ExpertGroups, rowCount: Int, cuts: WorkCuts, worker: Int,
    readsFromMemory: Bool
  ) {
    sharedPanels = mixture.shared?.gateAndUp.panelCount ?? 0
    readCost = readsFromMemory && rowCount <= Workspace.fewRows ? Self.memoryReadCost : Self.readCost
    sharedPanelCost = rowCount + readCost
    expertPanels = mixture.experts[0].gateAndUp.panelCount
    self.cuts = cuts
    var total = sharedPanels * sharedPanelCost
    for active in 0..<groups.activeExperts.count {
      total += expertPanels * (groups.range(of: Int(groups.activeExperts[active])).count + readCost)
    }
    self.total = total
    sharedCost = sharedPanelCost * cuts.part(of: worker, in: sharedPanels).count
    var own = 0..<0
    forEachPart { if $0 == worker { own = $1 } }
    self.own = own
  }

  /// Reading a panel takes as long as multiplying it with so many rows: less for narrow weights in caches.
  private static let readCost = 8
  /// Likewise from memory, where the products of few rows nearly hide behind the read.
  private static let memoryReadCost = 24

  /// Of one panel that meets so many rows.
  func cost(rows: Int) -> Int { rows + readCost }

  /// Where the part of `worker` begins in the line; not yet in order, where parts are smaller than a panel.
  private func begin(of worker: Int) -> Int {
    cuts.begin(of: worker, in: total) - sharedPanelCost * cuts.begin(of: worker, in: sharedPanels)
  }

  /// Calls `body` with each worker's part of the line, in order.
  private func forEachPart(_ body: (_ worker: Int, Range<Int>) -> Void) {
    var end = 0
    for worker in 0..<cuts.workerCount {
      let begin = end
      end = max(end, self.begin(of: worker + 1))
      body(worker, begin..<end)
    }
  }

  /// This worker's panels of a block that begins at `begin` in the line: those whose first unit of cost lies in its part.
  func panels(begin: Int, panels: Int, cost: Int) -> Range<Int> {
    Self.panels(in: own, begin: begin, panels: panels, cost: cost)
  }

  private static func panels(in part: Range<Int>, begin: Int, panels: Int, cost: Int) -> Range<Int> {
    let lower = min(max((part.lowerBound - begin + cost - 1) / cost, 0), panels)
    return lower..<max(lower, min((part.upperBound - begin + cost - 1) / cost, panels))
  }

  /// Whether no worker has all panels of a block.
  func isSplit(begin: Int, panels count: Int, cost: Int) -> Bool {
    var isSplit = true
    forEachPart { _, part in
      if Self.panels(in: part, begin: begin, panels: count, cost: cost).count == count { isSplit = false }
    }
    return isSplit
  }
}
