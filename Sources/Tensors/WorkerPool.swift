import CKernels
import Glibc
import Synchronization

/// One thread's part in a run of a `WorkerPool`.
@safe public struct Worker: @unchecked Sendable {
  // Sendable: numbers and the address of what outlives the run.
  /// Which of the threads this is, from 0.
  public let index: Int
  /// How many threads take part.
  public let count: Int
  private let meetingPoint: UnsafeMutablePointer<MeetingPoint>?
  /// What kind of run this is, if its workers are weighed.
  private let kind: WorkKind?

  /// The only worker of a run on one thread.
  init() {
    index = 0
    count = 1
    kind = nil
    unsafe meetingPoint = nil
  }

  init(index: Int, signals: PoolSignals, kind: WorkKind?) {
    self.index = index
    count = signals.threadCount
    self.kind = kind
    unsafe meetingPoint = signals.meetingPoint
    if kind != nil { unsafe signals.meetingPoint.pointee.shares.begin(index) }
  }

  /// Waits until every worker of the run has come here. What they wrote before is then visible to all.
  public func barrier() {
    guard let meetingPoint = unsafe meetingPoint else { return }
    unsafe meetingPoint.pointee.barrier()
    if kind != nil { unsafe meetingPoint.pointee.shares.begin(index) }
  }

  /// Does `work`, which needs nothing of the other workers', between the two halves of a barrier: it hides what the slowest one
  /// and the barrier itself take. There must be no barrier in it.
  @inline(__always)
  public func barrier(during work: () -> Void) {
    guard let meetingPoint = unsafe meetingPoint else { return work() }
    let arrival = unsafe meetingPoint.pointee.arrive()
    work()
    unsafe meetingPoint.pointee.wait(for: arrival)
  }

  /// Waits likewise after work that was shared out by `share(of:)` or `cuts` since the barrier before: this worker did `done`
  /// units of it, and what it and the others will take from here on depends on how long that took, if the run weighs them.
  public func barrier(done: Int) {
    guard let meetingPoint = unsafe meetingPoint, let kind else { return barrier() }
    unsafe meetingPoint.pointee.shares.end(index, done: done)
    unsafe meetingPoint.pointee.barrier { unsafe meetingPoint.pointee.shares.weigh(kind, last: index) }
    unsafe meetingPoint.pointee.shares.begin(index)
  }

  /// How work is cut into parts for the workers: the same for all of them between two barriers, and valid until the second
  /// one with `done` from here.
  public var cuts: WorkCuts {
    guard let meetingPoint = unsafe meetingPoint, let kind else { return WorkCuts(equalFor: count) }
    return unsafe meetingPoint.pointee.shares.cuts(kind)
  }

  /// This worker's part of `0..<total`, contiguous. Where the workers are not weighed, sizes differ by one at most and are the
  /// same in every run.
  public func share(of total: Int) -> Range<Int> { cuts.part(of: index, in: total) }
}

/// Threads that run one closure together, for work that is split by hand.
///
/// The pool keeps its threads between runs: they spin for a moment and then sleep. Each is bound to a
/// processor of its own where the process may use enough of them. One run at a time.
@safe public final class WorkerPool: Sendable {
  /// How many workers a run has, the calling thread included.
  public let threadCount: Int
  private let signals: PoolSignals?
  private let threads: [pthread_t]
  private let isRunning = Atomic<Bool>(false)

  /// Starts `threadCount - 1` threads. With `bindsThreads` false they are left to the system's scheduler.
  public convenience init(threadCount: Int, bindsThreads: Bool = true) {
    self.init(threadCount: threadCount, bindsThreads: bindsThreads, weights: nil)
  }

  /// With weights, which add up to 1, the workers take such parts of the work in every run.
  init(threadCount: Int, bindsThreads: Bool, weights: [Double]?) {
    precondition(threadCount >= 1, "a pool needs a thread")
    self.threadCount = threadCount
    guard threadCount > 1 else {
      signals = nil
      threads = []
      return
    }
    let processors = Self.processors
    let signals = PoolSignals(
      threadCount: threadCount, oversubscribed: threadCount > processors.count, weights: weights)
    self.signals = signals
    threads = (1..<threadCount).map { index in
      // Without a binding of its own a thread would inherit that of the thread which makes the pool.
      let binding = bindsThreads && threadCount <= processors.count ? [processors[index]] : processors
      return startThread {
        unsafe fs_name_thread("worker-\(index)")
        unsafe fs_bind_thread(binding, binding.count)
        signals.work(index: index)
      }
    }
  }

  deinit {
    signals?.stop()
    for thread in threads { pthread_join(thread, nil) }
  }

  /// Runs `body` once on each worker at the same time, the calling thread being worker 0, and returns when
  /// all are done. The workers must keep their writes apart, or meet at barriers between them; all must meet
  /// equally often. With a kind, faster workers take more of the work than slower ones, as far as barriers have told.
  public func run(weighing kind: WorkKind? = nil, _ body: (Worker) -> Void) {
    guard let signals else {
      body(Worker())
      return
    }
    precondition(!isRunning.exchange(true, ordering: .acquiring), "a run inside a run")
    withoutActuallyEscaping(body) { signals.run(kind, $0) }
    isRunning.store(false, ordering: .releasing)
  }

  /// Binds the calling thread, which is worker 0 of its runs, to the processor that the other workers leave
  /// free. Worth doing once on a thread that lives for inference, and only there: threads that it starts later
  /// inherit the binding. Does nothing where there are too few processors.
  public func bindCallingThread() {
    let processors = Self.processors
    if threadCount > 1, threadCount <= processors.count { unsafe fs_bind_thread(processors, 1) }
  }
}

extension WorkerPool {
  /// Numbers of the processors that this process may use; empty where the system does not say.
  fileprivate static let processors: [Int32] = unsafe [Int32](unsafeUninitializedCapacity: 1024) {
    buffer, count in
    guard let base = buffer.baseAddress else { return }
    count = unsafe fs_allowed_processors(base, buffer.count)
  }
}

/// Starts a thread that runs `body`.
private func startThread(_ body: @escaping @Sendable () -> Void) -> pthread_t {
  final class Start: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  var thread = pthread_t()
  let start = unsafe Unmanaged.passRetained(Start(body)).toOpaque()
  let code = unsafe pthread_create(
    &thread, nil,
    { argument in
      guard let argument = unsafe argument else { return nil }
      unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
      return nil
    }, start)
  if code != 0 { SystemRefusal.end("the system refuses a thread: error \(code)") }
  return thread
}
