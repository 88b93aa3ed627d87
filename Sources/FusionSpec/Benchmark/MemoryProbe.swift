import Foundation
import Tensors

/// Measures how fast the threads of a pool together read from memory: a buffer that no cache can hold.
struct MemoryProbe {
  private let pool: WorkerPool
  private let memory: FloatMatrix

  init(pool: WorkerPool) {
    self.pool = pool
    let columns = 1 << 14  // 64 KiB
    let memory = FloatMatrix(
      rows: max(pool.threadCount, Self.bufferByteCount / (4 * columns)), columns: columns)
    // Pages belong to the processor that touches them first.
    pool.run { worker in
      for row in worker.share(of: memory.rows) { memory.view.fill(row: row, with: 1) }
    }
    self.memory = memory
  }

  /// Bytes of the buffer: beyond any cache, and at most an eighth of the memory.
  static var bufferByteCount: Int {
    let lastCache = max(0, sysconf(Int32(_SC_LEVEL3_CACHE_SIZE)))
    let wanted = max(384 << 20, min(2 * lastCache, 1 << 30))
    return min(wanted, Int(ProcessInfo.processInfo.physicalMemory / 8))
  }

  /// Bytes per second, the best of several passes.
  func readRate(passes: Int) -> Double {
    let best = (0..<passes).map { _ in
      seconds {
        pool.run { worker in _ = memory.view.rows(worker.share(of: memory.rows)).readAll() }
      }
    }.min()
    return best.map { Double(memory.rows * memory.columns * 4) / $0 } ?? 0
  }
}

/// Seconds that something took, not 0.
func seconds(_ body: () -> Void) -> Double {
  let start = ContinuousClock.now
  body()
  return max((ContinuousClock.now - start).milliseconds, 1e-6) / 1000
}
