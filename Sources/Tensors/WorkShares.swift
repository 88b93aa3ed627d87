/// Runs whose workers are weighed apart, because what makes one slower than another differs.
public enum WorkKind: Int, CaseIterable, Sendable {
  /// Few rows: workers wait for memory.
  case fewRows
  /// Many rows: workers multiply.
  case manyRows
}

/// How work that is shared out is cut into one part for each worker, at one time: equal parts, or such as workers do in
/// the same time.
@safe public struct WorkCuts: @unchecked Sendable {
  // Sendable: what is pointed at changes only at barriers, and never what is valid between two of them.
  /// How many workers there are.
  public let workerCount: Int
  /// Where each worker's part begins, and the end, in units of `whole` [workers + 1]; nil for equal parts.
  private let bounds: UnsafePointer<Int>?

  static let whole = 1 << 20

  init(equalFor workerCount: Int) {
    self.workerCount = workerCount
    unsafe bounds = nil
  }

  init(workerCount: Int, bounds: UnsafePointer<Int>) {
    self.workerCount = workerCount
    unsafe self.bounds = unsafe bounds
  }

  /// Where the part of `worker` (0 ... workerCount) begins in `0..<total`.
  public func begin(of worker: Int, in total: Int) -> Int {
    if let bounds = unsafe bounds { return (total * (unsafe bounds[worker]) + Self.whole / 2) / Self.whole }
    // The first workers take one more.
    let (size, larger) = total.quotientAndRemainder(dividingBy: workerCount)
    return worker * size + min(worker, larger)
  }

  /// A worker's part of `0..<total`.
  public func part(of worker: Int, in total: Int) -> Range<Int> {
    begin(of: worker, in: total)..<begin(of: worker + 1, in: total)
  }

  /// How long `load` takes a worker, as the load that would take a worker of average speed as long.
  public func relative(_ load: Int, of worker: Int) -> Int {
    guard let bounds = unsafe bounds else { return load }
    return load * Self.whole / (workerCount * max(unsafe bounds[worker + 1] - bounds[worker], 1))
  }
}

/// What each worker of a pool takes of the work, by how fast it was of late. A processor that shares its core or its way to memory
/// with somebody else's work is slower than its neighbours for seconds at a time; in equal parts all would wait for it.
@safe struct WorkShares: ~Copyable {
  private struct Timing {
    var began: UInt64 = 0
    var took: UInt64 = 0
    var done = 0
    // Two cache lines in all: neighbours would contend.
    private let padding: InlineArray<13, Int> = .init(repeating: 0)
  }

  private let workerCount: Int
  /// What each worker is timed at, written by itself before it arrives at a barrier.
  private let timings: UnsafeMutablePointer<Timing>
  /// [kinds, workers]: speeds relative to each other, the sum 1.
  private let weights: UnsafeMutablePointer<Double>
  /// [kinds, 2, workers + 1]: the cuts by those weights, and the ones before, which some worker may still hold.
  private let bounds: UnsafeMutablePointer<Int>
  /// [kinds]: which of the two is valid.
  private let current: UnsafeMutablePointer<Int>
  /// Barriers that could have told something.
  private let meetings: UnsafeMutablePointer<Int>
  /// Whether the weights stay what they are.
  private let isFixed: Bool

  /// Workers that count as equally fast until they are timed, or always as fast as `weights` say.
  init(workerCount: Int, weights fixed: [Double]? = nil) {
    self.workerCount = workerCount
    isFixed = fixed != nil
    let kinds = WorkKind.allCases.count
    unsafe timings = .allocate(capacity: workerCount)
    unsafe timings.initialize(repeating: Timing(), count: workerCount)
    unsafe weights = .allocate(capacity: kinds * workerCount)
    unsafe weights.initialize(repeating: 1 / Double(workerCount), count: kinds * workerCount)
    unsafe bounds = .allocate(capacity: kinds * 2 * (workerCount + 1))
    unsafe bounds.initialize(repeating: 0, count: kinds * 2 * (workerCount + 1))
    unsafe current = .allocate(capacity: kinds)
    unsafe current.initialize(repeating: 0, count: kinds)
    unsafe meetings = .allocate(capacity: 1)
    unsafe meetings.initialize(to: 0)
    for kind in WorkKind.allCases {
      for (worker, weight) in (fixed ?? []).prefix(workerCount).enumerated() {
        unsafe weights[kind.rawValue * workerCount + worker] = weight
      }
      cut(kind)
    }
  }

  deinit {
    unsafe timings.deallocate()
    unsafe weights.deallocate()
    unsafe bounds.deallocate()
    unsafe current.deallocate()
    unsafe meetings.deallocate()
  }

  private borrowing func place(_ kind: WorkKind, _ version: Int) -> Int {
    (kind.rawValue * 2 + version) * (workerCount + 1)
  }

  /// The cuts for a kind of run. They stay as they are until the second barrier from now that weighs.
  borrowing func cuts(_ kind: WorkKind) -> WorkCuts {
    let version = unsafe current[kind.rawValue]
    return unsafe WorkCuts(workerCount: workerCount, bounds: bounds + place(kind, version))
  }

  /// A worker starts on its part.
  borrowing func begin(_ worker: Int) { unsafe timings[worker].began = monotonicNanoseconds() }

  /// A worker is through with its part, `done` units of what was shared out.
  borrowing func end(_ worker: Int, done: Int) {
    record(worker, done: done, nanoseconds: unsafe monotonicNanoseconds() &- timings[worker].began)
  }

  borrowing func record(_ worker: Int, done: Int, nanoseconds: UInt64) {
    unsafe timings[worker].took = nanoseconds
    unsafe timings[worker].done = done
  }

  /// Weighs the workers by what all of them did last. Only for `last`, the last one to arrive at a barrier, before it lets the
  /// others go on.
  borrowing func weigh(_ kind: WorkKind, last: Int) {
    if isFixed { return }
    // Whoever comes last nearly always took longest.
    guard unsafe timings[last].took >= Self.leastNanoseconds else { return }
    // Looking at many workers takes a while, so they are looked at less often.
    unsafe meetings.pointee &+= 1
    guard unsafe meetings.pointee % max(1, workerCount / 2) == 0 else { return }
    var sum = 0.0
    for worker in 0..<workerCount {
      let timing = unsafe timings[worker]
      guard timing.done > 0, timing.took > 0 else { return }
      sum += Double(timing.done) / Double(timing.took)
    }
    let own = unsafe weights + kind.rawValue * workerCount
    var total = 0.0
    for worker in 0..<workerCount {
      let timing = unsafe timings[worker]
      let weight = unsafe own[worker]
      let target = Double(timing.done) / Double(timing.took) / sum
      let change = min(max(target - weight, -Self.greatestChange * weight), Self.greatestChange * weight)
      unsafe own[worker] = max(weight + Self.step * change, 0.25 / Double(workerCount))
      unsafe total += own[worker]
    }
    for worker in 0..<workerCount { unsafe own[worker] /= total }
    cut(kind)
  }

  /// Work of less says little, because the barrier itself takes a part of it.
  private static let leastNanoseconds: UInt64 = 20_000
  /// How much of a difference counts each time, and the greatest difference that does, relative to the weight: a thread that
  /// another program put aside once is no slow one, so what is usual has to decide and not the mean. The weights follow a
  /// change by a tenth in some forty barriers.
  private static let step = 0.05
  private static let greatestChange = 0.06
  /// Workers whose weights are this near to equal get equal parts.
  private static let tolerance = 0.1

  private borrowing func cut(_ kind: WorkKind) {
    let version = 1 - (unsafe current[kind.rawValue])
    let own = unsafe bounds + place(kind, version)
    let weights = unsafe weights + kind.rawValue * workerCount
    let equal = 1 / Double(workerCount)
    let isEven = (0..<workerCount).allSatisfy { unsafe abs(weights[$0] - equal) <= Self.tolerance * equal }
    var sum = 0.0
    for worker in 0..<workerCount {
      unsafe own[worker] = Int(sum * Double(WorkCuts.whole))
      sum += isEven ? equal : unsafe weights[worker]
    }
    unsafe own[workerCount] = WorkCuts.whole
    unsafe current[kind.rawValue] = version
  }
}
