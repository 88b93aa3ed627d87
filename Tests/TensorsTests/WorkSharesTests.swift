import Testing

@testable import Tensors

/// What workers of different speed take of the work.
struct WorkSharesTests {
  /// The parts of 0..<1000 after workers that need so many nanoseconds for a unit did their parts of it `rounds` times. Every
  /// `outlier`th time one of them is put aside for a while.
  private func parts(_ nanoseconds: [UInt64], rounds: Int, units: Int = 1000, outlier: Int = .max) -> [Int] {
    let shares = WorkShares(workerCount: nanoseconds.count)
    defer { shares.begin(0) }  // cuts point into it
    for round in 1...rounds {
      let cuts = shares.cuts(.fewRows)
      for worker in 0..<nanoseconds.count {
        let count = cuts.part(of: worker, in: units).count
        let delay: UInt64 = round % outlier == 0 && worker == round / outlier % 2 ? 3_000_000 : 0
        shares.record(worker, done: count, nanoseconds: UInt64(count) * nanoseconds[worker] + delay)
      }
      shares.weigh(.fewRows, last: nanoseconds.count - 1)
    }
    let (few, many) = (shares.cuts(.fewRows), shares.cuts(.manyRows))
    for worker in 0...nanoseconds.count {
      #expect(many.begin(of: worker, in: 60) == 60 * worker / nanoseconds.count, "another kind of run")
    }
    return (0..<nanoseconds.count).map { few.part(of: $0, in: 1000).count }
  }

  @Test func `a slow worker takes less, until all need the same time`() {
    #expect(parts([300, 300], rounds: 500) == [500, 500])
    let two = parts([200, 400], rounds: 500)
    #expect(two.reduce(0, +) == 1000 && abs(two[0] - 667) < 10)
    let four = parts([400, 400, 100, 400], rounds: 1500)
    #expect(four.reduce(0, +) == 1000 && abs(four[2] - 571) < 15 && abs(four[3] - 143) < 8)
    #expect(parts([200, 400], rounds: 5)[0] < 530, "not at once")
  }

  @Test func `what is seldom, short or small makes no difference`() {
    #expect(parts([300, 300], rounds: 500, outlier: 7) == [500, 500], "put aside now and then")
    #expect(parts([300, 320], rounds: 500) == [500, 500], "nearly as fast")
    #expect(parts([10, 30], rounds: 500) == [500, 500], "too short for the clock")
    #expect(parts([90_000, 30_000], rounds: 500, units: 1) == [500, 500], "a worker had nothing to do")
  }

  @Test func `a worker keeps something to be timed by`() {
    let parts = parts([100, 100_000], rounds: 3000)
    #expect(parts[1] > 100 && parts[1] < 150)
  }

  @Test func `cuts cover everything once, in order`() {
    for weights in [[0.7, 0.3], [0.05, 0.5, 0.45], [0.25, 0.2, 0.3, 0.25]] {
      let shares = WorkShares(workerCount: weights.count, weights: weights)
      defer { shares.begin(0) }  // cuts point into it
      let cuts = shares.cuts(.manyRows)
      for total in [0, 1, 2, 3, 7, 64, 1001, 1 << 30] {
        var end = 0
        for worker in 0..<weights.count {
          let part = cuts.part(of: worker, in: total)
          #expect(part.lowerBound == end)
          #expect(abs(Double(part.count) - weights[worker] * Double(total)) <= 1 + Double(total) * 1e-5)
          end = part.upperBound
        }
        #expect(end == total)
      }
    }
  }

  @Test func `weights given from the beginning hold in every run`() {
    let pool = WorkerPool(threadCount: 2, bindsThreads: false, weights: [0.8, 0.2])
    for kind in [nil, WorkKind.fewRows, .manyRows] {
      pool.run(weighing: kind) { worker in
        for _ in 0..<100 {
          #expect(worker.share(of: 10) == (worker.index == 0 ? 0..<8 : 8..<10))
          worker.barrier(done: worker.index + 1)
        }
      }
    }
  }

  @Test(arguments: WorkKind.allCases)
  func `everything is done once while barriers weigh the workers`(kind: WorkKind) {
    let pool = WorkerPool(threadCount: 2)
    let done = IndexList([Int32](repeating: 0, count: 97))
    pool.run(weighing: kind) { worker in
      for _ in 0..<400 {
        let share = worker.share(of: 97)
        for unit in share {
          done[unit] += 1
          let end = monotonicNanoseconds() + (worker.index == 0 ? 500 : 1500)
          while monotonicNanoseconds() < end {}
        }
        worker.barrier(done: share.count)
      }
    }
    for unit in 0..<97 { #expect(done[unit] == 400) }
  }
}
