import Dispatch
import Foundation
import Synchronization

/// A thread of its own for work that keeps processors busy, so that the threads of Swift concurrency stay free.
///
/// Jobs run one after the other. The thread sleeps while there are none, and ends after the last job once its owner is gone.
final class DecodingThread: Sendable {
  private struct Queue {
    var jobs: [@Sendable () -> Void] = []
    var isClosed = false
  }

  /// What the thread shares with its owner; it outlives the owner by the jobs that are left.
  private final class Mailbox: Sendable {
    let queue = Mutex(Queue())
    let signal = DispatchSemaphore(value: 0)

    /// Runs jobs until the queue is closed and empty.
    func work() {
      while true {
        signal.wait()
        let jobs = queue.withLock { queue in
          defer { queue.jobs.removeAll() }
          return queue.jobs
        }
        for job in jobs { job() }
        if queue.withLock({ $0.isClosed && $0.jobs.isEmpty }) { return }
      }
    }
  }

  private let mailbox: Mailbox

  init(name: String) {
    let mailbox = Mailbox()
    self.mailbox = mailbox
    let thread = Thread { mailbox.work() }
    thread.name = name
    thread.stackSize = 8 << 20
    thread.start()
  }

  deinit {
    mailbox.queue.withLock { $0.isClosed = true }
    mailbox.signal.signal()
  }

  /// Adds a job at the end.
  func run(_ job: @escaping @Sendable () -> Void) {
    mailbox.queue.withLock { $0.jobs.append(job) }
    mailbox.signal.signal()
  }
}
