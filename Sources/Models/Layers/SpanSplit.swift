import Tensors

/// How the workers share the positions that the rows of a step see. The units of work are spans of positions, for each sequence
/// and each group of heads that reads a cache of its own. Where a worker's part ends within a span, it takes some of the group's
/// heads and the next worker the others.
struct SpanSplit {
  private let rows: StepQueries
  /// All heads, and groups of as many that read the same cache.
  private let heads: Int
  private let groups: Int
  /// Width of a head's result.
  private let width: Int
  /// Places for records of each row and head.
  let spanCount: Int
  /// Parts of a group's heads, in which spans can be divided.
  private let partCount: Int
  /// The parts that this worker takes, in the order of sequences, groups, spans.
  let parts: Range<Int>
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
    parts = share.parts
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
      let own = parts.clamped(to: begin..<begin + count)
      var part = own.lowerBound
      while part < own.upperBound {
        let (place, lower) = (part - begin).quotientAndRemainder(dividingBy: partCount)
        let upper = min(partCount, lower + own.upperBound - part)
        let first = place / spans.count * group
        let heads = first + group * lower / partCount..<first + group * upper / partCount
        let next = Unit(
          slot: slot, rows: attending, heads: heads, span: spans.lowerBound + place % spans.count)
        if let previous { body(previous, next) }
        previous = next
        part += upper - lower
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

/// The parts of spans that one worker takes, and in how many a group of heads is divided for that.
private struct SpanShare {
  let partCount: Int
  let parts: Range<Int>

  /// Nil where some worker would have more to do than if workers shared the heads. A worker takes those parts whose middle lies in
  /// its share of the line of work. All workers find the same.
  init?(_ rows: StepQueries, heads: Int, groups: Int, worker: Worker) {
    var spanCount = 0
    var total = 0  // positions times heads
    rows.forEachSequence { _, attending in
      for span in rows.spans(attending.ordinals) {
        spanCount += groups
        total += groups * heads * rows.positionCount(attending.ordinals, span: span)
      }
    }
    // Quarters of a span are fine enough, of fewer spans than workers smaller parts.
    let partCount = min(heads, 4 * ((worker.count + spanCount - 1) / spanCount))
    let cuts = worker.cuts
    var part = 0
    var done = 0
    var lower = 0
    var upper = 0
    var owner = 0
    var load = 0
    var greatest = 0
    rows.forEachSequence { _, attending in
      for _ in 0..<groups {
        for span in rows.spans(attending.ordinals) {
          let positions = rows.positionCount(attending.ordinals, span: span)
          for piece in 0..<partCount {
            let cost = positions * (heads * (piece + 1) / partCount - heads * piece / partCount)
            let middle = 2 * done + cost
            var place = owner
            while place + 1 < worker.count, middle >= cuts.begin(of: place + 1, in: 2 * total) { place += 1 }
            load = place == owner ? load + cost : cost
            owner = place
            greatest = max(greatest, cuts.relative(load, of: place))
            done += cost
            part += 1
            if place < worker.index { lower = part }
            if place <= worker.index { upper = part }
          }
        }
      }
    }
    // What the busiest worker has, relative to the mean, if heads are shared, in sixths. Then positions are read more than once,
    // so a sixth more does no harm.
    let all = groups * heads
    let busiest = (all + worker.count - 1) / worker.count * worker.count
    guard 6 * greatest * worker.count * all <= total * max(7 * all, 6 * busiest) else { return nil }
    self.partCount = partCount
    parts = lower..<max(lower, upper)
  }
}
