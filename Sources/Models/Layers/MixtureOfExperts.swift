import Tensors

/// Routed experts with an optional shared expert, all SwiGLU units (DeepSeekMoE, arXiv 2401.06066).
///
/// Each distinct expert is read once for all rows that chose it. A row's result is the sum of its shared expert and its
/// experts in ascending order, whatever rows come along.
struct MixtureOfExperts: Sendable {
  struct Expert: Sendable {
    let gateAndUp: PackedMatrix  // interleaved pair [width, hidden] twice
    let down: PackedMatrix  // [hidden, width]
  }

  let router: ExpertRouter
  let experts: [Expert]  // at least one, all of one shape
  /// Added for every row, weighted by the router where that has a gate for it.
  let shared: GatedFeedForward?

  /// Writes the mixture of `norm(residual)` for rows 0 ..< rowCount to `output`, or adds it to what stands there.
  func apply(
    _ context: ForwardContext, residual: FloatRows, rowCount: Int, norm: Norm, output: FloatRows,
    accumulate: Bool
  ) {
    let worker = context.worker
    let input = context.normalize(residual, count: rowCount, norm: norm)
    let selection = router.route(context, input: input, count: rowCount)
    let groups = context.workspace.groups[worker.index]
    groups.build(selection, count: rowCount, expertCount: experts.count)
    if worker.index == 0 { context.workspace.expertReads.add(distinct: groups.activeExperts.count) }

    computeInner(context, input: input, rowCount: rowCount, selection: selection, groups: groups)
    if !accumulate { for row in worker.share(of: rowCount) { output.fill(row: row, with: 0) } }
    worker.barrier()

    let expertInner = context.workspace.expertHidden.view
    let panels = worker.share(of: experts[0].down.panelCount)
    if let shared {
      let inner = context.workspace.feedForward.view.columns(0..<shared.down.inputs)
      context.kernels.multiply(
        shared.down, panels: panels, input: inner, output: output, rowCount: rowCount, accumulate: true)
    }
    for active in 0..<groups.activeExperts.count {
      let expert = Int(groups.activeExperts[active])
      let range = groups.range(of: expert)
      context.kernels.multiply(
        experts[expert].down, panels: panels, input: expertInner.rows(range), output: output,
        outputIndex: groups.rows.view.subview(range), rowCount: range.count, accumulate: true)
    }
    worker.barrier()
  }

  /// Gate, up and activation of the shared and the routed experts. The panels of all of them form one line of work that
  /// is cut into equal parts by cost: a panel costs one read of its weights plus its rows.
  private func computeInner(
    _ context: ForwardContext, input: FloatRows, rowCount: Int, selection: ExpertSelection,
    groups: ExpertGroups
  ) {
    let worker = context.worker
    let readCost = 3
    let sharedPanels = shared?.gateAndUp.panelCount ?? 0
    let expertPanels = experts[0].gateAndUp.panelCount
    let sharedCost = sharedPanels * (rowCount + readCost)
    var total = sharedCost
    for active in 0..<groups.activeExperts.count {
      total += expertPanels * (groups.range(of: Int(groups.activeExperts[active])).count + readCost)
    }
    let from = total * worker.index / worker.count
    let to = total * (worker.index + 1) / worker.count

    // The panels of a block whose first unit of cost lies in [from, to); the block begins at `begin` in the line.
    func mine(begin: Int, panels: Int, cost: Int) -> Range<Int> {
      let lower = min(max((from - begin + cost - 1) / cost, 0), panels)
      return lower..<max(lower, min((to - begin + cost - 1) / cost, panels))
    }

    if let shared {
      let panels = mine(begin: 0, panels: sharedPanels, cost: rowCount + readCost)
      if !panels.isEmpty {
        context.kernels.multiplyGated(
          shared.gateAndUp, panels: panels, input: input,
          output: context.workspace.feedForward.view.columns(0..<shared.down.inputs), rowCount: rowCount,
          rowScale: router.hasSharedGate ? FloatVectorView(selection.sharedWeights.view, row: 0) : nil)
      }
    }
    var begin = sharedCost
    for active in 0..<groups.activeExperts.count {
      let expert = Int(groups.activeExperts[active])
      let range = groups.range(of: expert)
      let cost = range.count + readCost
      let panels = mine(begin: begin, panels: expertPanels, cost: cost)
      begin += expertPanels * cost
      if panels.isEmpty { continue }
      context.kernels.multiplyGated(
        experts[expert].gateAndUp, panels: panels, input: input, inputIndex: groups.rows.view.subview(range),
        output: context.workspace.expertHidden.view.rows(range), rowCount: range.count,
        rowScale: FloatVectorView(groups.rowWeights.view, row: 0).subview(range))
    }
  }
}
