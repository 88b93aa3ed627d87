import Models
import Tensors

/// Measures a model's speed beside the limits of the machine, in one run with the same threads.
///
/// Every round times each setting once and begins with another one, so that drift of the machine meets all alike; the
/// medians over the rounds count. Reads from memory are measured between any two settings, because others on the same
/// machine take a share of it that changes by the minute, and forwards of one row take turns with those of more. The
/// arithmetic peaks are measured before and after, and the better of the two counts.
public final class Benchmark {
  private let model: BenchmarkModel
  private let options: BenchmarkOptions
  private let pool: WorkerPool
  private let passes: BenchmarkPasses
  /// Row counts to time, one row always among them, and forwards of each in a round.
  private let rowCounts: [Int]
  private var forwardsPerRound: [Int]
  private var samples: BenchmarkSamples
  private let memory: MemoryProbe

  private enum Task {
    case prefill(Int)
    case decode(Int)
    case rows(Int)
  }

  /// Plans the measurement; the model must have been prepared for `options.positions` positions.
  public init(model: BenchmarkModel, options: BenchmarkOptions) {
    precondition(
      options.positions <= model.decoder.contextCapacity, "more positions than the model was made for")
    self.model = model
    self.options = options
    rowCounts = options.rows.contains(1) ? options.rows : [1] + options.rows
    forwardsPerRound = rowCounts.map { _ in 1 }
    samples = BenchmarkSamples(
      prompts: options.prompts.count, depths: options.depths.count, rowCounts: rowCounts.count)
    // As an engine does.
    pool = WorkerPool(threadCount: model.threadCount, bindsThreads: false)
    passes = BenchmarkPasses(
      model: model.decoder, kernels: model.kernels, pool: pool, positions: options.positions,
      outputRows: rowCounts.max() ?? 1)
    memory = MemoryProbe(pool: pool)
  }

  /// Runs everything.
  ///
  /// - Parameters:
  ///   - progress: Told the rounds that are done, and their number.
  ///   - isCancelled: Asked between measurements.
  /// - Returns: nil when it was cancelled within the first round; later, what the complete rounds say.
  public func run(
    progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }, isCancelled: () -> Bool = { false }
  ) -> BenchmarkReport? {
    var limits = MachineLimits(
      readBytesPerSecond: 0, floatOperationsPerSecond: 0, bf16OperationsPerSecond: 0,
      int8OperationsPerSecond: 0)
    limits.improvePeaks(pool: pool, kernels: model.kernels)
    passes.fillCache(positionCount: options.positions)
    guard warmUp(isCancelled) else { return nil }
    for round in 0..<options.repetitions {
      let complete = samples
      if !measure(round: round, isCancelled) {
        if round == 0 { return nil }
        samples = complete
        break
      }
      progress(round + 1, options.repetitions)
    }
    limits.improvePeaks(pool: pool, kernels: model.kernels)
    limits.readBytesPerSecond = BenchmarkSamples.median(samples.reads)
    return report(limits)
  }

  /// Touches all memory and finds how many forwards of each row count make a fair sample.
  private func warmUp(_ isCancelled: () -> Bool) -> Bool {
    let depth = options.depths[0]
    for (place, count) in rowCounts.enumerated() {
      if isCancelled() { return false }
      _ = passes.verify(rows: count, depth: depth)
      let time = passes.verify(rows: count, depth: depth).milliseconds
      forwardsPerRound[place] = min(max(Int(40 / max(time, 1e-3)), 3), 64)
    }
    if isCancelled() { return false }
    _ = passes.prefill(tokenCount: min(128, options.prompts.min() ?? 1))
    return !isCancelled()
  }

  private func measure(round: Int, _ isCancelled: () -> Bool) -> Bool {
    let tasks =
      options.prompts.indices.map { Task.prefill($0) } + options.depths.indices.map { .decode($0) }
      + rowCounts.indices.map { .rows($0) }
    var before = readMemory()
    for offset in tasks.indices {
      if isCancelled() { return false }
      for _ in 0..<4 { _ = passes.verify(rows: 1, depth: options.depths[0]) }  // caches hold the model again
      /// How long the task took, given its time in this round, with the memory's pace around it.
      func timing(_ milliseconds: Double) -> BenchmarkSamples.Timing {
        let after = readMemory()
        defer { before = after }
        return BenchmarkSamples.Timing(milliseconds: milliseconds, readBytesPerSecond: (before + after) / 2)
      }
      switch tasks[(offset + round) % tasks.count] {
      case .prefill(let place):
        let time = passes.prefill(tokenCount: options.prompts[place])
        samples.prefill[place].append(timing(time).milliseconds)
      case .decode(let place):
        let time = passes.decode(depth: options.depths[place], tokenCount: options.generatedTokens)
        samples.decode[place].append(timing(time))
      case .rows(let place):
        let (times, experts, oneRow) = verify(place)
        samples.rows[place].append(
          BenchmarkSamples.Forwards(
            timing: timing(BenchmarkSamples.median(times)), milliseconds: times, experts: experts,
            oneRowMilliseconds: BenchmarkSamples.median(oneRow)))
      }
    }
    return true
  }

  private func readMemory() -> Double {
    let rate = memory.readRate(passes: 3)
    samples.reads.append(rate)
    return rate
  }

  /// Times of the forwards of a row count, with the experts they read, and of those of one row that take turns with them.
  private func verify(_ place: Int) -> (times: [Double], experts: [Double], oneRow: [Double]) {
    var times: [Double] = []
    var experts: [Double] = []
    var oneRow: [Double] = []
    for _ in 0..<forwardsPerRound[place] {
      let sample = passes.verify(rows: rowCounts[place], depth: options.depths[0])
      times.append(sample.milliseconds)
      experts.append(Double(sample.experts))
      if rowCounts[place] > 1 {
        oneRow.append(passes.verify(rows: 1, depth: options.depths[0]).milliseconds)
      }
    }
    return (times, experts, rowCounts[place] > 1 ? oneRow : times)
  }
}

extension Benchmark {
  private func report(_ limits: MachineLimits) -> BenchmarkReport {
    let traffic = model.traffic
    let prefill = zip(options.prompts, samples.prefill).map { tokens, times in
      BenchmarkReport.Prefill(
        tokens: tokens, milliseconds: BenchmarkSamples.median(times),
        operations: 2 * traffic.promptMultiplyAdds(tokenCount: tokens))
    }
    let decode = zip(options.depths, samples.decode).map { depth, timings in
      let experts = Double(traffic.expertsOfOneRow)
      // The mean over the decoded tokens is the middle one's.
      let positions = depth + (options.generatedTokens + 1) / 2
      let cache = traffic.cacheBytes(positionCount: positions)
      let bytes = traffic.weightBytes(distinctExperts: experts) + Double(cache)
      return BenchmarkReport.Decode(
        context: depth, millisecondsPerToken: BenchmarkSamples.median(timings.map(\.milliseconds)),
        bytesPerToken: bytes, shareOfBandwidth: BenchmarkSamples.shareOfBandwidth(bytes: bytes, timings),
        plainBytesPerToken: model.plainTraffic.weightBytes(distinctExperts: experts) + Double(cache),
        operationsPerToken: 2 * traffic.stepMultiplyAdds(rowCount: 1, positionCount: positions))
    }
    let measured = zip(rowCounts, samples.rows).map { count, rounds in
      let reads = rounds.flatMap(\.experts)
      let experts = reads.reduce(0, +) / Double(max(reads.count, 1))
      let positions = options.depths[0] + count
      let cache = traffic.cacheBytes(positionCount: positions)
      let bytes = traffic.weightBytes(distinctExperts: experts) + Double(cache)
      return BenchmarkReport.Rows(
        rows: count, milliseconds: BenchmarkSamples.median(rounds.flatMap(\.milliseconds)),
        relativeCost: BenchmarkSamples.median(
          rounds.map { $0.timing.milliseconds / $0.oneRowMilliseconds }),
        distinctExpertsPerLayer: traffic.mixtureCount == 0 ? 0 : experts / Double(traffic.mixtureCount),
        bytes: bytes,
        shareOfBandwidth: BenchmarkSamples.shareOfBandwidth(bytes: bytes, rounds.map(\.timing)),
        operations: 2 * traffic.stepMultiplyAdds(rowCount: count, positionCount: positions))
    }
    let one = measured.first { $0.rows == 1 } ?? measured[0]
    return BenchmarkReport(
      limits: limits, weightFormat: model.weightFormat, prefill: prefill, decode: decode,
      rows: measured.filter { options.rows.contains($0.rows) }, oneRow: one)
  }
}
