import Tensors

/// The rows of a step that attend, sequence by sequence. Views alone: a copy counts no reference that workers share.
struct StepQueries {
  let worker: Worker
  let kernels: KernelSet
  /// Of all rows of the step.
  private let slots: IndexRows
  private let positions: IndexRows
  /// Room for records of spans.
  let records: FloatRows
  /// A row for each worker.
  let scratch: FloatRows
  /// [rows or ordinals, heads · width].
  let query: FloatRows
  /// The rows; nil for all.
  let index: IndexRows?
  let count: Int
  /// Positions that a row sees, its own included; nil for all.
  let window: Int?

  init(context: ForwardContext, query: FloatRows, index: IndexRows?, count: Int, window: Int?) {
    self.init(
      worker: context.worker, kernels: context.kernels, slots: context.rows.slots.view,
      positions: context.rows.positions.view, records: context.workspace.spanRecords.view,
      scratch: context.workspace.attentionScratch.view, query: query, index: index, count: count,
      window: window)
  }

  init(
    worker: Worker, kernels: KernelSet, slots: IndexRows, positions: IndexRows, records: FloatRows,
    scratch: FloatRows, query: FloatRows, index: IndexRows?, count: Int, window: Int?
  ) {
    self.worker = worker
    self.kernels = kernels
    self.slots = slots
    self.positions = positions
    self.records = records
    self.scratch = scratch
    self.query = query
    self.index = index
    self.count = count
    self.window = window
  }

  private func row(_ ordinal: Int) -> Int { index.map { Int($0[ordinal]) } ?? ordinal }

  private func slot(_ ordinal: Int) -> Int { Int(slots[row(ordinal)]) }

  /// The spans of positions that a row sees any of.
  func spans(_ ordinal: Int) -> Range<Int> {
    let last = Int(positions[row(ordinal)])
    let first = window.map { max(0, last + 1 - $0) } ?? 0
    return first / KernelSet.attentionSpan..<last / KernelSet.attentionSpan + 1
  }

  /// The spans that some rows see, and those between.
  func spans(_ ordinals: Range<Int>) -> Range<Int> {
    var all = spans(ordinals.lowerBound)
    for ordinal in ordinals.dropFirst() {
      let own = spans(ordinal)
      all = min(all.lowerBound, own.lowerBound)..<max(all.upperBound, own.upperBound)
    }
    return all
  }

  /// Positions of a span between the first and the last that rows of one sequence see, ascending rows, for each of them; at least
  /// one.
  func positionCount(_ ordinals: Range<Int>, span: Int) -> Int {
    let begin = span * KernelSet.attentionSpan
    let last = Int(positions[row(ordinals.upperBound - 1)])
    let first = window.map { Int(positions[row(ordinals.lowerBound)]) + 1 - $0 } ?? 0
    let seen = min(last + 1, begin + KernelSet.attentionSpan) - max(first, begin)
    return ordinals.count * max(1, seen)
  }

  /// Calls `body` with each run of rows of one sequence, and its slot in the cache.
  func forEachSequence(_ body: (_ slot: Int, AttendingRows) -> Void) { forEachSequence(0..<count, body) }

  /// The same for some of the ordinals.
  func forEachSequence(_ ordinals: Range<Int>, _ body: (_ slot: Int, AttendingRows) -> Void) {
    var begin = ordinals.lowerBound
    while begin < ordinals.upperBound {
      let own = slot(begin)
      var end = begin + 1
      while end < ordinals.upperBound, slot(end) == own { end += 1 }
      body(
        own,
        AttendingRows(query: query, positions: positions, index: index, ordinals: begin..<end))
      begin = end
    }
  }
}
