import Tensors

/// How the workers share the positions that the rows of a step see. The units of work are spans of positions, for each sequence
/// and each group of heads that reads a cache of its own, and, where those cannot be shared out evenly, parts of the group.
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

  /// Nil for one worker, for short sequences, for more rows than records have room for, and where workers would be less even than
  /// if they shared the heads.
  init?(_ rows: StepQueries, heads: Int, groups: Int, width: Int) {
    let worker = rows.worker
    guard worker.count > 1, rows.count > 0 else { return nil }
    let room = rows.records
    spanCount = rows.spans(0..<rows.count).upperBound
    let columns = heads * spanCount * KernelSet.spanRecordCount(width: width)
    guard spanCount > 1, columns * rows.count <= room.columns else { return nil }
    records = room.columns(0..<columns * rows.count).split(row: 0, into: rows.count)
    let share = SpanShare(rows, heads: heads / groups, groups: groups, worker: worker)
    guard let share else { return nil }
    partCount = share.partCount
    units = share.units
    self.rows = rows
    self.heads = heads
    self.groups = groups
    self.width = width
  }

  /// What some heads of some rows get from a span of a sequence.
  struct Unit {
    let slot: Int
    let rows: AttendingRows
    let heads: Range<Int>
    let span: Int
  }

  /// Calls `body` with each of this worker's units, and the one after it.
  func forEachUnit(_ body: (Unit, _ next: Unit?) -> Void) {
    let group = heads / groups
    var begin = 0
    var previous: Unit?
    rows.forEachSequence { slot, attending in
      let spans = rows.spans(attending.ordinals)
      let count = groups * spans.count * partCount
      for unit in units.clamped(to: begin..<begin + count) {
        let (place, part) = (unit - begin).quotientAndRemainder(dividingBy: partCount)
        let first = place / spans.count * group
        let heads = first + group * part / partCount..<first + group * (part + 1) / partCount
        let next = Unit(
          slot: slot, rows: attending, heads: heads, span: spans.lowerBound + place % spans.count)
        if let previous { body(previous, next) }
        previous = next
      }
      begin += count
    }
    if let previous { body(previous, nil) }
  }

  /// Joins what the spans left of one row and head, once all workers are through with their units.
  func join(ordinal: Int, head: Int, to output: FloatRows) {
    rows.kernels.joinSpans(
      records, ordinal: ordinal, head: head, spans: rows.spans(ordinal), spanCount: spanCount, width: width,
      output: output, scratch: rows.scratch, scratchRow: rows.worker.index)
  }
}

/// The units of one worker, and in how many parts a group of heads is to be divided for that.
private struct SpanShare {
  let partCount: Int
  let units: Range<Int>

  /// Nil where some worker would have more to do than if workers shared the heads.
  init?(_ rows: StepQueries, heads: Int, groups: Int, worker: Worker) {
    var spanCount = 0
    rows.forEachSequence { _, attending in spanCount += rows.spans(attending.ordinals).count * groups }
    var parts = max(1, min(heads, worker.count / spanCount))
    // Parts read the same positions each for itself, so two of them at most for the sake of balance.
    for _ in 0..<2 {
      if let units = Self.units(rows, groups: groups, heads: heads, partCount: parts, worker: worker) {
        partCount = parts
        self.units = units
        return
      }
      parts = min(heads, 2 * parts)
    }
    return nil
  }

  /// A worker's units, those whose middle lies in its part of the line of work; nil where parts are less even than the
  /// heads' would be. All workers find the same.
  private static func units(
    _ rows: StepQueries, groups: Int, heads: Int, partCount: Int, worker: Worker
  ) -> Range<Int>? {
    var total = 0
    rows.forEachSequence { _, attending in
      for span in rows.spans(attending.ordinals) {
        total += groups * partCount * rows.positionCount(attending.ordinals, span: span)
      }
    }
    let cuts = worker.cuts
    var unit = 0
    var done = 0
    var lower = 0
    var upper = 0
    var owner = 0
    var load = 0
    var greatest = 0
    rows.forEachSequence { _, attending in
      for _ in 0..<groups {
        for span in rows.spans(attending.ordinals) {
          let cost = rows.positionCount(attending.ordinals, span: span)
          for _ in 0..<partCount {
            let middle = 2 * done + cost
            var place = owner
            while place + 1 < worker.count, middle >= cuts.begin(of: place + 1, in: 2 * total) { place += 1 }
            load = place == owner ? load + cost : cost
            owner = place
            greatest = max(greatest, cuts.relative(load, of: place))
            done += cost
            unit += 1
            if place < worker.index { lower = unit }
            if place <= worker.index { upper = unit }
          }
        }
      }
    }
    // What the busiest worker has, relative to the mean, if heads are shared, in sixths. Then positions are read more than once,
    // so a sixth more does no harm.
    let all = groups * heads
    let busiest = (all + worker.count - 1) / worker.count * worker.count
    let isEven = 6 * greatest * worker.count * all <= total * max(7 * all, 6 * busiest)
    return isEven ? lower..<max(lower, upper) : nil
  }
}
