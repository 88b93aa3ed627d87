import Tensors

/// Routed experts with an optional shared expert, all SwiGLU units (DeepSeekMoE, arXiv 2401.06066).
///
/// Each distinct expert is read once for all rows that chose it. A row's result is the sum of its shared expert and its
/// experts in ascending order, whatever rows come along.
final class MixtureOfExperts: Sendable {
  struct Expert: Sendable {
    let gateAndUp: PackedPanels  // interleaved pair [width, hidden] twice
    let down: PackedPanels  // [hidden, width]

    init(_ unit: GatedFeedForward) {
      gateAndUp = unit.gateAndUp.view
      down = unit.down.view
    }
  }

  let router: ExpertRouter
  let experts: [Expert]  // at least one, all of one shape
  /// Added for every row, weighted by the router where that has a gate for it.
  let shared: Expert?
  /// What keeps the panels in memory.
  private let units: [GatedFeedForward]
  /// Whether all weights of the routed experts are held in one format.
  let hasOneFormat: Bool

  init(router: ExpertRouter, experts: [GatedFeedForward], shared: GatedFeedForward?) {
    self.router = router
    units = experts + (shared.map { [$0] } ?? [])
    self.experts = experts.map { Expert($0) }
    self.shared = shared.map { Expert($0) }
    let format = experts[0].gateAndUp.format
    hasOneFormat = experts.allSatisfy { $0.gateAndUp.format == format && $0.down.format == format }
  }

  /// Writes the mixture of `norm(residual)` for rows 0 ..< rowCount to `output`, or adds it to what stands there.
  func apply(
    _ context: ForwardContext, residual: FloatRows, rowCount: Int, norm: Norm, output: FloatRows,
    accumulate: Bool
  ) {
    let worker = context.worker
    let input = context.normalize(residual, count: rowCount, norm: norm)
    let prepares = preparesRows(rowCount)
    if prepares {  // the router's barrier shows them to all
      context.kernels.prepare(
        input, rows: worker.share(of: rowCount), for: format, into: context.workspace.preparedInput)
    }
    let cuts = worker.cuts
    // The shared expert waits for nobody's choice, but perhaps for its gate or for rows that others prepare.
    let hidesRouting = shared != nil && !prepares && !router.hasSharedGate && router.hidesWork
    let selection = router.route(context, input: input, count: rowCount, hasWork: hidesRouting) {
      computeShared(context, context.kernels, cuts: cuts, input: input, rowCount: rowCount, scale: nil)
    }
    let groups = context.workspace.groups[worker.index]
    groups.build(selection, count: rowCount, expertCount: experts.count)
    if worker.index == 0 { context.workspace.expertReads.add(distinct: groups.activeExperts.count) }

    let line = WorkLine(
      self, groups: groups, rowCount: rowCount, cuts: cuts, worker: worker.index,
      readsFromMemory: context.kernels.readsFromMemory)
    if !hidesRouting {
      let gate = router.hasSharedGate ? FloatVectorView(selection.sharedWeights.view, row: 0) : nil
      computeShared(
        context, kernels(context, beforeInner: 0, begin: 0, line, groups), cuts: cuts, input: input,
        rowCount: rowCount, scale: gate)
    }
    let done = computeInner(context, line: line, input: input, rowCount: rowCount, groups: groups)
    if !accumulate { for row in worker.share(of: rowCount) { output.fill(row: row, with: 0) } }
    worker.barrier(done: done)
    if prepares { prepareSplitExperts(context, line: line, groups: groups) }

    let panels = worker.share(of: experts[0].down.panelCount)
    if let shared {
      let inner = context.workspace.feedForward.view.columns(0..<shared.down.inputs)
      context.kernels(before: down(0, groups)).multiply(
        shared.down, panels: panels, input: inner, output: output, rowCount: rowCount, accumulate: true)
    }
    for active in 0..<groups.activeExperts.count {
      let expert = Int(groups.activeExperts[active])
      let range = groups.range(of: expert)
      let index = groups.rows.view.subview(range)
      let kernels = context.kernels(before: down(active + 1, groups))
      if prepares {
        kernels.multiply(
          experts[expert].down, panels: panels, input: context.workspace.preparedHidden, inputRows: range,
          output: output, outputIndex: index, accumulate: true)
      } else {
        kernels.multiply(
          experts[expert].down, panels: panels, input: context.workspace.expertHidden.view.rows(range),
          output: output, outputIndex: index, rowCount: range.count, accumulate: true)
      }
    }
    worker.barrier(done: panels.count)
  }

  /// The down projection of an active expert, if there is one.
  private func down(_ active: Int, _ groups: ExpertGroups) -> PackedPanels? {
    active < groups.activeExperts.count ? experts[Int(groups.activeExperts[active])].down : nil
  }

  /// The kernels for a product after which this worker computes its part of an active expert, which begins at `begin` in the
  /// line, or, where it has none, the down projections.
  private func kernels(
    _ context: ForwardContext, beforeInner active: Int, begin: Int, _ line: WorkLine, _ groups: ExpertGroups
  ) -> KernelSet {
    if active < groups.activeExperts.count {
      let expert = Int(groups.activeExperts[active])
      let panels = line.panels(
        begin: begin, panels: line.expertPanels, cost: line.cost(rows: groups.range(of: expert).count))
      if !panels.isEmpty {
        return context.kernels.followed(by: experts[expert].gateAndUp, panel: panels.lowerBound)
      }
    }
    return context.kernels(before: shared?.down ?? down(0, groups))
  }

  /// The format of all routed experts.
  private var format: WeightFormat { experts[0].gateAndUp.format }

  /// Whether rows are laid out for the kernels once instead of in each product that takes them. Few rows are not worth
  /// it: every worker normalises them for itself.
  private func preparesRows(_ rowCount: Int) -> Bool { rowCount > Workspace.fewRows && hasOneFormat }

  /// Gate, up and activation of this worker's part of the shared expert, if there is one.
  private func computeShared(
    _ context: ForwardContext, _ kernels: KernelSet, cuts: WorkCuts, input: FloatRows, rowCount: Int,
    scale: FloatVectorView?
  ) {
    guard let shared else { return }
    let panels = cuts.part(of: context.worker.index, in: shared.gateAndUp.panelCount)
    let inner = context.workspace.feedForward.view.columns(0..<shared.down.inputs)
    if preparesRows(rowCount), shared.gateAndUp.format == format {
      kernels.multiplyGated(
        shared.gateAndUp, panels: panels, input: context.workspace.preparedInput, output: inner,
        rowCount: rowCount, rowScale: scale)
    } else {
      kernels.multiplyGated(
        shared.gateAndUp, panels: panels, input: input, output: inner, rowCount: rowCount, rowScale: scale)
    }
  }

  /// Gate, up and activation of the routed experts. Workers take their parts of the line of work; returns the cost of this one's,
  /// with its part of the shared expert.
  private func computeInner(
    _ context: ForwardContext, line: WorkLine, input: FloatRows, rowCount: Int, groups: ExpertGroups
  ) -> Int {
    let workspace = context.workspace
    let prepares = preparesRows(rowCount)
    var done = line.sharedCost
    var begin = 0
    for active in 0..<groups.activeExperts.count {
      let expert = Int(groups.activeExperts[active])
      let range = groups.range(of: expert)
      let cost = line.cost(rows: range.count)
      let panels = line.panels(begin: begin, panels: line.expertPanels, cost: cost)
      begin += line.expertPanels * cost
      done += panels.count * cost
      if panels.isEmpty { continue }
      let index = groups.rows.view.subview(range)
      let output = workspace.expertHidden.view.rows(range)
      let scale = FloatVectorView(groups.rowWeights.view, row: 0).subview(range)
      let kernels = kernels(context, beforeInner: active + 1, begin: begin, line, groups)
      if prepares {
        kernels.multiplyGated(
          experts[expert].gateAndUp, panels: panels, input: workspace.preparedInput, inputIndex: index,
          output: output, rowCount: range.count, rowScale: scale)
        if panels.count == line.expertPanels {  // while the rows are in cache
          context.kernels.prepare(
            workspace.expertHidden.view, rows: range, for: format, into: workspace.preparedHidden)
        }
      } else {
        kernels.multiplyGated(
          experts[expert].gateAndUp, panels: panels, input: input, inputIndex: index, output: output,
          rowCount: range.count, rowScale: scale)
      }
    }
    return done
  }

  /// Prepares the inner rows of experts that several workers computed. Ends with a barrier if there are any.
  private func prepareSplitExperts(_ context: ForwardContext, line: WorkLine, groups: ExpertGroups) {
    let workspace = context.workspace
    var begin = 0
    var isAny = false
    for active in 0..<groups.activeExperts.count {
      let range = groups.range(of: Int(groups.activeExperts[active]))
      let cost = line.cost(rows: range.count)
      if line.isSplit(begin: begin, panels: line.expertPanels, cost: cost) {
        isAny = true
        let share = context.worker.share(of: range.count)
        let mine = range.lowerBound + share.lowerBound..<range.lowerBound + share.upperBound
        context.kernels.prepare(
          workspace.expertHidden.view, rows: mine, for: format, into: workspace.preparedHidden)
      }
      begin += line.expertPanels * cost
    }
    if isAny { context.worker.barrier() }
  }
}
