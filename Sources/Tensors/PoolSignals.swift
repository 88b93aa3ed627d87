import CKernels
import Glibc
import Synchronization

/// An atomic counter alone on its cache lines (two, because processors fetch them in pairs).
struct LoneCounter: ~Copyable {
  let value = Atomic<Int>(0)
  private let padding: InlineArray<15, Int> = .init(repeating: 0)
}

/// Where the threads of a run meet. It stands in memory of its own, so that meeting counts no reference: threads would contend
/// for the count.
struct MeetingPoint: ~Copyable {
  let threadCount: Int
  /// How long a waiting thread keeps its processor to itself. Longer than balanced workers wait for each other, and short,
  /// because where two workers have to share a processor every barrier costs as much.
  let spinNanoseconds: UInt64
  /// Threads that have arrived at the current barrier.
  private let arrived = LoneCounter()
  /// Goes up by one when all have arrived.
  private let phase = LoneCounter()

  init(threadCount: Int, spinNanoseconds: UInt64) {
    self.threadCount = threadCount
    self.spinNanoseconds = spinNanoseconds
  }

  /// Waits until every thread of the run has come here.
  borrowing func barrier() {
    let current = phase.value.load(ordering: .relaxed)
    if arrived.value.add(1, ordering: .acquiringAndReleasing).newValue == threadCount {
      arrived.value.store(0, ordering: .relaxed)
      phase.value.store(current + 1, ordering: .releasing)
    } else {
      spin(limit: spinNanoseconds) { phase.value.load(ordering: .acquiring) != current }
    }
  }
}

/// Spins until the condition holds; after a while it lets other threads run between looks.
@inline(__always)
private func spin(limit: UInt64, until condition: () -> Bool) {
  if isSoon(limit: limit, condition) { return }
  while !condition() { sched_yield() }
}

/// Spins until the condition holds or the time is up; false where it is up.
@inline(__always)
private func isSoon(limit: UInt64, _ condition: () -> Bool) -> Bool {
  for _ in 0..<64 {
    if condition() { return true }
    fs_pause()
  }
  return isSoonByClock(limit: limit, condition)
}

@inline(never)
private func isSoonByClock(limit: UInt64, _ condition: () -> Bool) -> Bool {
  let start = monotonicNanoseconds()
  while true {
    for _ in 0..<16 {
      if condition() { return true }
      fs_pause()
    }
    if monotonicNanoseconds() - start >= limit { return false }
  }
}

private func monotonicNanoseconds() -> UInt64 {
  var time = timespec()
  unsafe clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// What the threads of a pool share: the signals by which they start, meet and finish.
@safe final class PoolSignals: @unchecked Sendable {
  // Sendable: counters are atomic; `body` is written only while every worker waits for a new generation, and
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
  private let spinNanoseconds: UInt64
  /// How long a worker without work looks for more before it sleeps, letting others run in between.
  private let restlessNanoseconds: UInt64 = 60_000

  init(threadCount: Int, oversubscribed: Bool) {
    self.threadCount = threadCount
    // With fewer processors than threads, whoever spins keeps a thread that has work from running.
    spinNanoseconds = oversubscribed ? 1_000 : 4_000
    unsafe meetingPoint = .allocate(capacity: 1)
    unsafe meetingPoint.initialize(
      to: MeetingPoint(threadCount: threadCount, spinNanoseconds: spinNanoseconds))
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
  func run(_ body: @escaping (Worker) -> Void) {
    self.body = body
    unfinished.value.store(threadCount - 1, ordering: .relaxed)
    wakeAll()
    body(Worker(index: 0, signals: self))
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
      perform(Worker(index: index, signals: self))
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
