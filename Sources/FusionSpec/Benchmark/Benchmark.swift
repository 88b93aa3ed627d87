import Models
import Tensors

/// Measures a model's speed beside the limits of the machine, in one run with the same threads.
///
/// Every round times each setting once and begins with another one, so that drift of the machine meets all alike; the
/// medians over the rounds count. The rate of reads belongs to the rounds too, because others on the same machine take a
/// share of it that changes by the minute. The arithmetic peaks are measured before and after, and the better of the two
/// counts.
public final class Benchmark {
  private let model: BenchmarkModel
  private let options: BenchmarkOptions
  private let pool: WorkerPool
  private let passes: BenchmarkPasses
  /// Row counts to time, one row always among them, and forwards of each in a round.
  private let rowCounts: [Int]
  private var forwardsPerRound: [Int]
  private var samples: Samples

  private enum Task {
    case prefill(Int)
    case decode(Int)
    case rows(Int)
  }

  private struct Samples {
    var reads: [Double] = []  // bytes per second
    var prefill: [[Double]]
    var decode: [[Double]]
    var rows: [[Double]]
    var experts: [[Double]]
  }

  /// Plans the measurement; the model must have been prepared for `options.positions` positions.
  public init(model: BenchmarkModel, options: BenchmarkOptions) {
    precondition(
      options.positions <= model.decoder.contextCapacity, "more positions than the model was made for")
    self.model = model
    self.options = options
    rowCounts = options.rows.contains(1) ? options.rows : [1] + options.rows
    forwardsPerRound = rowCounts.map { _ in 1 }
    samples = Samples(
      prefill: options.prompts.map { _ in [] }, decode: options.depths.map { _ in [] },
      rows: rowCounts.map { _ in [] }, experts: rowCounts.map { _ in [] })
    // As an engine does.
    pool = WorkerPool(threadCount: model.threadCount, bindsThreads: false)
    passes = BenchmarkPasses(
      model: model.decoder, kernels: model.kernels, pool: pool, positions: options.positions,
      outputRows: rowCounts.max() ?? 1)
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
    limits.readBytesPerSecond = Self.median(samples.reads)
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
    samples.reads.append(MachineLimits.readRate(pool, passes: 3))
    for _ in 0..<4 { _ = passes.verify(rows: 1, depth: options.depths[0]) }  // caches hold the model again
    let tasks =
      options.prompts.indices.map { Task.prefill($0) } + options.depths.indices.map { .decode($0) }
      + rowCounts.indices.map { .rows($0) }
    for offset in tasks.indices {
      if isCancelled() { return false }
      switch tasks[(offset + round) % tasks.count] {
      case .prefill(let place):
        samples.prefill[place].append(passes.prefill(tokenCount: options.prompts[place]))
      case .decode(let place):
        samples.decode[place].append(
          passes.decode(depth: options.depths[place], tokenCount: options.generatedTokens))
      case .rows(let place):
        for _ in 0..<forwardsPerRound[place] {
          let sample = passes.verify(rows: rowCounts[place], depth: options.depths[0])
          samples.rows[place].append(sample.milliseconds)
          samples.experts[place].append(Double(sample.experts))
        }
      }
    }
    return true
  }
}

extension Benchmark {
  private func report(_ limits: MachineLimits) -> BenchmarkReport {
    let traffic = model.traffic
    let prefill = zip(options.prompts, samples.prefill).map { tokens, times in
      BenchmarkReport.Prefill(
        tokens: tokens, milliseconds: Self.median(times),
        operations: 2 * traffic.promptMultiplyAdds(tokenCount: tokens))
    }
    let decode = zip(options.depths, samples.decode).map { depth, times in
      let experts = Double(traffic.expertsOfOneRow)
      // The mean over the decoded tokens is the middle one's.
      let positions = depth + (options.generatedTokens + 1) / 2
      let cache = traffic.cacheBytes(positionCount: positions)
      return BenchmarkReport.Decode(
        context: depth, millisecondsPerToken: Self.median(times),
        bytesPerToken: traffic.weightBytes(distinctExperts: experts) + Double(cache),
        plainBytesPerToken: model.plainTraffic.weightBytes(distinctExperts: experts) + Double(cache),
        operationsPerToken: 2 * traffic.stepMultiplyAdds(rowCount: 1, positionCount: positions))
    }
    let measured = rowCounts.indices.map { place in
      let experts = samples.experts[place].reduce(0, +) / Double(max(samples.experts[place].count, 1))
      let positions = options.depths[0] + rowCounts[place]
      let cache = traffic.cacheBytes(positionCount: positions)
      return BenchmarkReport.Rows(
        rows: rowCounts[place], milliseconds: Self.median(samples.rows[place]),
        distinctExpertsPerLayer: traffic.mixtureCount == 0 ? 0 : experts / Double(traffic.mixtureCount),
        bytes: traffic.weightBytes(distinctExperts: experts) + Double(cache),
        operations: 2 * traffic.stepMultiplyAdds(rowCount: rowCounts[place], positionCount: positions))
    }
    let one = measured.first { $0.rows == 1 } ?? measured[0]
    return BenchmarkReport(
      limits: limits, weightFormat: model.weightFormat, prefill: prefill, decode: decode,
      rows: measured.filter { options.rows.contains($0.rows) }, oneRow: one)
  }

  private static func median(_ values: [Double]) -> Double {
    if values.isEmpty { return 0 }
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }
}
