import Synchronization
import Tensors
import Testing

@Suite(.serialized, .timeLimit(.minutes(1))) struct `Worker pool` {
  @Test(arguments: 1...4)
  func `every worker runs once a run`(threads: Int) {
    let pool = WorkerPool(threadCount: threads)
    let seen = IndexList([Int32](repeating: 0, count: threads))
    for _ in 0..<500 {
      pool.run { worker in
        #expect(worker.count == threads)
        seen[worker.index] += 1
      }
    }
    for index in 0..<threads { #expect(seen[index] == 500) }
  }

  @Test(arguments: 1...4)
  func `nobody passes a barrier before all have come`(threads: Int) {
    let pool = WorkerPool(threadCount: threads)
    let rounds = 400
    let board = IndexList([Int32](repeating: 0, count: 64 * threads))  // a cache line each, and more
    let faults = Atomic<Int>(0)
    for run in 0..<3 {
      pool.run { worker in
        for round in 1...rounds {
          let mark = Int32(run * rounds + round)
          board[64 * worker.index] = mark
          worker.barrier()
          for other in 0..<worker.count where board[64 * other] != mark { faults.add(1, ordering: .relaxed) }
          worker.barrier()
        }
      }
    }
    #expect(faults.load(ordering: .relaxed) == 0)
  }

  @Test func `a pool that has gone to sleep wakes up`() async throws {
    let pool = WorkerPool(threadCount: 3)
    let total = Atomic<Int>(0)
    for _ in 0..<20 {
      pool.run { _ in total.add(1, ordering: .relaxed) }
      try await Task.sleep(for: .milliseconds(2))
    }
    #expect(total.load(ordering: .relaxed) == 60)
  }

  @Test func `pools come and go`() {
    for count in 0..<60 {
      let pool = WorkerPool(threadCount: 1 + count % 4, bindsThreads: count % 2 == 0)
      if count % 3 > 0 { pool.run { $0.barrier() } }
    }
  }

  @Test func `several pools work at once`() async {
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<2 {
        group.addTask {
          let pool = WorkerPool(threadCount: 2)
          for _ in 0..<200 { pool.run { $0.barrier() } }
        }
      }
    }
  }

  @Test(arguments: 1...4)
  func `shares cover everything once, in order, evenly`(threads: Int) {
    let pool = WorkerPool(threadCount: threads)
    let shares = Mutex<[Int: Range<Int>]>([:])
    for total in [0, 1, 2, 3, 7, 64, 1001] {
      pool.run { worker in shares.withLock { $0[worker.index] = worker.share(of: total) } }
      let parts = shares.withLock { all in (0..<threads).compactMap { all[$0] } }
      #expect(parts.count == threads && parts[0].lowerBound == 0 && parts[threads - 1].upperBound == total)
      for (a, b) in zip(parts, parts.dropFirst()) {
        #expect(a.upperBound == b.lowerBound && a.count - b.count <= 1)
      }
    }
  }

  @Test(arguments: 1...4)
  func `the number of threads does not change a product`(threads: Int) {
    let pool = WorkerPool(threadCount: threads)
    let product = Product(ProductShape(outputs: 333, inputs: 70, rows: 6), .bf16)
    let output = FloatMatrix(rows: 6, columns: 333)
    let input = product.input.view, result = output.view
    pool.run { worker in
      KernelSet.best.multiply(
        product.weights.view, panels: worker.share(of: product.weights.panelCount), input: input,
        output: result,
        rowCount: 6)
    }
    #expect(bits(output.elements) == bits(product.result(KernelSet.best).elements))
  }
}
