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
  /// What the threads take of the work between two meetings.
  let shares: WorkShares

  init(threadCount: Int, spinNanoseconds: UInt64, weights: [Double]?) {
    self.threadCount = threadCount
    self.spinNanoseconds = spinNanoseconds
    shares = WorkShares(workerCount: threadCount, weights: weights)
  }

  /// Waits until every thread of the run has come here. The last one does `work` before the others go on.
  @inline(__always)
  borrowing func barrier(last work: () -> Void = {}) { wait(for: arrive(last: work)) }

  /// The first half of a barrier: says that this thread has come, and returns what to wait for.
  @inline(__always)
  borrowing func arrive(last work: () -> Void = {}) -> Int {
    let current = phase.value.load(ordering: .relaxed)
    if arrived.value.add(1, ordering: .acquiringAndReleasing).newValue == threadCount {
      work()
      arrived.value.store(0, ordering: .relaxed)
      phase.value.store(current + 1, ordering: .releasing)
    }
    return current
  }

  /// The second half: waits until the others have come.
  @inline(__always)
  borrowing func wait(for current: Int) {
    spin(limit: spinNanoseconds) { phase.value.load(ordering: .acquiring) != current }
  }
}

/// Spins until the condition holds; after a while it lets other threads run between looks.
@inline(__always)
func spin(limit: UInt64, until condition: () -> Bool) {
  if isSoon(limit: limit, condition) { return }
  while !condition() { sched_yield() }
}

/// Spins until the condition holds or the time is up; false where it is up.
@inline(__always)
func isSoon(limit: UInt64, _ condition: () -> Bool) -> Bool {
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

func monotonicNanoseconds() -> UInt64 {
  var time = timespec()
  unsafe clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
