import Tensors

/// How the workers share grouped-query attention. The work comes in units: a key-value head, the rows of one pass over
/// its cache and, where there are fewer of those than workers, a part of the heads that share the key-value head.
struct AttentionSplit {
  private let group: Int
  private let worker: Worker
  /// Whether each worker has key-value heads of its own, whose queries, keys and values nobody else needs.
  let isEven: Bool
  /// The key-value heads of which this worker has units: its own where they can be shared out evenly, so that each
  /// cache is read by one worker only, else all.
  let heads: Range<Int>
  /// Parts of a key-value head's group.
  let partCount: Int
  /// The most rows of a pass.
  let rowsPerPass: Int
  /// Whether some workers have much more to do than others, so that sharing the positions would be better.
  let isCoarse: Bool

  init(shape: GroupedAttentionShape, rowCount: Int, worker: Worker) {
    self.worker = worker
    group = shape.group
    rowsPerPass = max(1, KernelSet.groupedAttentionUnits / group)
    isEven = shape.keyValueHeads % worker.count == 0
    heads = isEven ? worker.share(of: shape.keyValueHeads) : 0..<shape.keyValueHeads
    let units = shape.keyValueHeads * ((rowCount + rowsPerPass - 1) / rowsPerPass)
    isCoarse = !isEven && units < 4 * worker.count
    partCount = isEven || units == 0 ? 1 : max(1, min(group, worker.count / units))
  }

  /// Whether this worker computes a part of a pass. Passes of later rows read more, so neighbours go to different workers.
  func owns(head: Int, pass: Int, part: Int) -> Bool {
    isEven || ((pass + head) * partCount + part) % worker.count == worker.index
  }

  /// The query heads of one part of a key-value head's group.
  func queryHeads(head: Int, part: Int) -> Range<Int> {
    head * group + group * part / partCount..<head * group + group * (part + 1) / partCount
  }
}
