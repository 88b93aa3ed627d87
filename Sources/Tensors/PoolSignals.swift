import Glibc
import Synchronization

/// What the threads of a pool share: the signals by which they start, meet and finish.
@safe final class PoolSignals: @unchecked Sendable {
  // Sendable: counters are atomic; `body` and `kind` are written only while every worker waits for a new generation, and
  // the release-acquire pair on `generation` publishes it.
  let threadCount: Int
  /// Goes up by one with every run; workers wait for it.
  private let generation = LoneCounter()
  /// Workers that have not finished the current run.
  private let unfinished = LoneCounter()
  /// Where workers meet within a run.
  let meetingPoint: UnsafeMutablePointer<MeetingPoint>
  /// Workers asleep on the condition variable.
  private let parked = LoneCounter()
  private let stopping = Atomic<Bool>(false)
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  /// What the current run executes.
  private var body: ((Worker) -> Void)?
  /// What kind of run it is, if its workers have weights.
  private var kind: WorkKind?
  /// Whether runs that ask for it weigh the workers: with more threads than processors, who waits says nothing.
  private let weighs: Bool
  /// Whether the workers have weights from the beginning, in all runs.
  private let hasWeights: Bool
  private let spinNanoseconds: UInt64
  /// How long a worker without work looks for more before it sleeps, letting others run in between.
  private let restlessNanoseconds: UInt64 = 60_000

  init(threadCount: Int, oversubscribed: Bool, weights: [Double]?) {
    self.threadCount = threadCount
    weighs = !oversubscribed
    hasWeights = weights != nil
    // With fewer processors than threads, whoever spins keeps a thread that has work from running.
    spinNanoseconds = oversubscribed ? 1_000 : 4_000
    unsafe meetingPoint = .allocate(capacity: 1)
    unsafe meetingPoint.initialize(
      to: MeetingPoint(threadCount: threadCount, spinNanoseconds: spinNanoseconds, weights: weights))
    unsafe mutex = .allocate(capacity: 1)
    unsafe condition = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(condition, nil)
  }

  deinit {
    unsafe meetingPoint.deinitialize(count: 1)
    unsafe meetingPoint.deallocate()
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  /// Starts `body` on the other threads, runs it here as worker 0 and waits for all.
  func run(_ kind: WorkKind?, _ body: @escaping (Worker) -> Void) {
    self.body = body
    self.kind = hasWeights ? kind ?? .fewRows : weighs ? kind : nil
    unfinished.value.store(threadCount - 1, ordering: .relaxed)
    wakeAll()
    body(Worker(index: 0, signals: self, kind: self.kind))
    spin(limit: spinNanoseconds) { unfinished.value.load(ordering: .acquiring) == 0 }
    self.body = nil
  }

  /// Ends the worker loops.
  func stop() {
    stopping.store(true, ordering: .relaxed)
    wakeAll()
  }

  private func wakeAll() {
    // Sequentially consistent with the other side in `park`: either the worker sees the new generation there,
    // or this thread sees it parked.
    generation.value.add(1, ordering: .sequentiallyConsistent)
    if parked.value.load(ordering: .sequentiallyConsistent) > 0 {
      unsafe pthread_mutex_lock(mutex)
      unsafe pthread_cond_broadcast(condition)
      unsafe pthread_mutex_unlock(mutex)
    }
  }

  /// The life of worker `index` (1 or more), on its own thread.
  func work(index: Int) {
    var seen = 0
    while true {
      if !isSoon(limit: spinNanoseconds, { generation.value.load(ordering: .acquiring) != seen }) {
        let start = monotonicNanoseconds()
        while generation.value.load(ordering: .acquiring) == seen {
          if monotonicNanoseconds() - start >= restlessNanoseconds {
            park(seen)
            break
          }
          sched_yield()
        }
      }
      seen += 1
      if stopping.load(ordering: .relaxed) { return }
      perform(Worker(index: index, signals: self, kind: kind))
      unfinished.value.subtract(1, ordering: .acquiringAndReleasing)
    }
  }

  /// Never inlined, so that the closure is released before the run counts as finished.
  @inline(never)
  private func perform(_ worker: Worker) { body?(worker) }

  private func park(_ seen: Int) {
    unsafe pthread_mutex_lock(mutex)
    parked.value.add(1, ordering: .sequentiallyConsistent)
    while generation.value.load(ordering: .sequentiallyConsistent) == seen {
      unsafe pthread_cond_wait(condition, mutex)
    }
    parked.value.subtract(1, ordering: .relaxed)
    unsafe pthread_mutex_unlock(mutex)
  }
}
