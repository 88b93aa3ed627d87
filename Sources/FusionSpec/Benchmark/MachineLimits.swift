public import Tensors

/// What a machine can do with some number of threads and one instruction set.
public struct MachineLimits: Sendable, Equatable {
  /// Bytes per second that all threads together read from memory: of a buffer that no cache can hold, in several streams a
  /// thread; the median over a benchmark of the best of a few passes.
  public var readBytesPerSecond: Double
  /// Operations per second (a multiply-add is two) of f32 multiply-adds that stay in registers.
  public var floatOperationsPerSecond: Double
  /// Likewise of the instructions that multiply bf16: those of f32 where bf16 weights become floats first.
  public var bf16OperationsPerSecond: Double
  /// Likewise of the instructions that multiply 8-bit integers; 4-bit weights are multiplied by them too.
  public var int8OperationsPerSecond: Double

  /// Makes limits.
  public init(
    readBytesPerSecond: Double, floatOperationsPerSecond: Double, bf16OperationsPerSecond: Double,
    int8OperationsPerSecond: Double
  ) {
    self.readBytesPerSecond = readBytesPerSecond
    self.floatOperationsPerSecond = floatOperationsPerSecond
    self.bf16OperationsPerSecond = bf16OperationsPerSecond
    self.int8OperationsPerSecond = int8OperationsPerSecond
  }

  /// The peak that products with weights of a format are measured against, in operations per second.
  public func operationsPerSecond(_ format: WeightFormat) -> Double {
    switch format {
    case .f32: floatOperationsPerSecond
    case .bf16: bf16OperationsPerSecond
    case .int8, .int4: int8OperationsPerSecond
    }
  }
}

extension MachineLimits {
  /// Measures the arithmetic peaks with the threads of a pool. What is greater than before counts: other programs only ever take
  /// away.
  mutating func improvePeaks(pool: WorkerPool, kernels: KernelSet) {
    func better(_ peak: Double, _ format: WeightFormat) -> Double {
      max(peak, Self.multiplyAddRate(format, pool, kernels))
    }
    floatOperationsPerSecond = better(floatOperationsPerSecond, .f32)
    bf16OperationsPerSecond = better(bf16OperationsPerSecond, .bf16)
    int8OperationsPerSecond = better(int8OperationsPerSecond, .int8)
  }

  private static func multiplyAddRate(
    _ format: WeightFormat, _ pool: WorkerPool, _ kernels: KernelSet
  ) -> Double {
    rate(pool) { _, rounds in kernels.runMultiplyAdds(format, rounds: rounds * 100) }
  }

  /// Operations per second of work that every worker does alone, all at the same time; `work` returns the operations of its
  /// rounds. Each worker times its own short passes and its best one counts, so that a busy machine, where a thread has to
  /// wait for a processor now and then, shows its peak as well.
  private static func rate(_ pool: WorkerPool, _ work: (Worker, Int) -> Double) -> Double {
    let rates = FloatMatrix(rows: pool.threadCount, columns: 1)
    pool.run { worker in
      var rounds = 4
      func pass() -> (rate: Double, time: Double) {
        var operations = 0.0
        let time = seconds { operations = work(worker, rounds) }
        return (operations / time, time)
      }
      // Doubled until a pass is long enough for the clock.
      while min(pass().time, pass().time) < 0.0003, rounds < 1 << 30 { rounds *= 2 }
      let end = ContinuousClock.now + .milliseconds(200)
      var greatest = 0.0
      repeat { greatest = max(greatest, pass().rate) } while ContinuousClock.now < end
      rates.view[worker.index, 0] = Float(greatest)
    }
    return (0..<pool.threadCount).reduce(0) { $0 + Double(rates[$1, 0]) }
  }
}
