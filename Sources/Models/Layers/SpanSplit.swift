import Tensors

/// How the workers share the positions that the rows of a step see. The units of work are spans of positions, for each sequence
/// and each group of heads that reads a cache of its own, and, where there are fewer of those than workers, parts of the group.
struct SpanSplit {
  private let rows: StepQueries
  /// All heads, and groups of as many that read the same cache.
  private let heads: Int
  private let groups: Int
  /// Width of a head's result.
  private let width: Int
  /// Places for records of each row and head.
  let spanCount: Int
  /// Parts of a group's heads.
  let partCount: Int
  /// The units of this worker, in the order of sequences, groups, spans, parts.
  let units: Range<Int>
  /// [ordinals, heads · spans · record]
  let records: FloatRows

  /// Nil for one worker, for short sequences, and for more rows than records have room for.
  init?(_ rows: StepQueries, heads: Int, groups: Int, width: Int) {
    let worker = rows.context.worker
    guard worker.count > 1, rows.count > 0 else { return nil }
    let room = rows.context.workspace.spanRecords
    spanCount = rows.spans(0..<rows.count).upperBound
    let columns = heads * spanCount * KernelSet.spanRecordCount(width: width)
    guard spanCount > 1, columns * rows.count <= room.columns else { return nil }
    records = room.view.columns(0..<columns * rows.count).split(row: 0, into: rows.count)
    var total = 0
    rows.forEachSequence { _, attending in total += rows.spans(attending.ordinals).count * groups }
    partCount = max(1, min(heads / groups, worker.count / total))
    // The last span of a sequence is not full, so who comes later takes the odd one.
    total *= partCount
    units = total * worker.index / worker.count..<total * (worker.index + 1) / worker.count
    self.rows = rows
    self.heads = heads
    self.groups = groups
    self.width = width
  }

  /// Calls `body` with each of this worker's units.
  func forEachUnit(_ body: (_ slot: Int, AttendingRows, _ heads: Range<Int>, _ span: Int) -> Void) {
    let group = heads / groups
    var begin = 0
    rows.forEachSequence { slot, attending in
      let spans = rows.spans(attending.ordinals)
      let count = groups * spans.count * partCount
      for unit in units.clamped(to: begin..<begin + count) {
        let (place, part) = (unit - begin).quotientAndRemainder(dividingBy: partCount)
        let first = place / spans.count * group
        body(
          slot, attending, first + group * part / partCount..<first + group * (part + 1) / partCount,
          spans.lowerBound + place % spans.count)
      }
      begin += count
    }
  }

  /// Joins what the spans left of one row and head, once all workers are through with their units.
  func join(ordinal: Int, head: Int, to output: FloatRows) {
    let context = rows.context
    context.kernels.joinSpans(
      records, ordinal: ordinal, head: head, spans: rows.spans(ordinal), spanCount: spanCount, width: width,
      output: output, scratch: context.workspace.attentionScratch.view, scratchRow: context.worker.index)
  }
}
