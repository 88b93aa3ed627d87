import Synchronization
import Tensors
import Testing

@testable import Models

/// How workers share attention: every query head of every pass goes to one worker.
struct AttentionSplitTests {
  @Test(arguments: [(16, 4), (8, 1), (7, 7), (12, 3), (1, 1), (128, 1), (6, 2)], [1, 2, 3, 4, 5, 8])
  func `every head of every pass is computed once`(heads: (Int, Int), threads: Int) {
    let shape = GroupedAttentionShape(heads: heads.0, keyValueHeads: heads.1, head: 8, rotated: 8)
    let pool = WorkerPool(threadCount: threads, bindsThreads: false)
    for rowCount in [1, 2, 7, 64, 300] {
      let seen = Mutex<[[Int]: Int]>([:])
      pool.run { worker in
        let split = AttentionSplit(shape: shape, rowCount: rowCount, worker: worker)
        let passes = (rowCount + split.rowsPerPass - 1) / split.rowsPerPass
        for head in split.heads {
          for pass in 0..<passes {
            for part in 0..<split.partCount where split.owns(head: head, pass: pass, part: part) {
              for query in split.queryHeads(head: head, part: part) {
                seen.withLock { $0[[pass, query], default: 0] += 1 }
              }
            }
          }
        }
      }
      let passes = (rowCount + max(1, 64 / shape.group) - 1) / max(1, 64 / shape.group)
      seen.withLock {
        #expect($0.count == passes * shape.heads)
        #expect($0.values.allSatisfy { $0 == 1 })
      }
    }
  }

  @Test func `fewer key-value heads than workers leave no worker idle`() {
    let shape = GroupedAttentionShape(heads: 8, keyValueHeads: 1, head: 8, rotated: 8)
    let pool = WorkerPool(threadCount: 4, bindsThreads: false)
    let busy = Mutex(0)
    pool.run { worker in
      let split = AttentionSplit(shape: shape, rowCount: 1, worker: worker)
      let parts = (0..<split.partCount).filter { split.owns(head: 0, pass: 0, part: $0) }
      busy.withLock { $0 += parts.isEmpty ? 0 : 1 }
    }
    #expect(busy.withLock { $0 } == 4)
  }
}
