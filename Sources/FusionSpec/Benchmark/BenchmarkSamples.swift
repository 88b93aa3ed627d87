/// What the rounds of a benchmark timed.
///
/// Shares of bandwidth and costs relative to one row are taken within a round and only then the median of the rounds: where
/// others use the machine too, its pace changes by the minute, and medians of times from different minutes compare minutes.
struct BenchmarkSamples {
  /// One thing timed in one round.
  struct Timing {
    /// The median of the round's times, or their mean where they were taken together.
    var milliseconds: Double
    /// Bytes per second that memory gave just before and after, the mean.
    var readBytesPerSecond: Double

    /// Bytes that memory could have given meanwhile.
    var readableBytes: Double { milliseconds / 1000 * readBytesPerSecond }
  }

  /// Forwards of some rows in one round.
  struct Forwards {
    var timing: Timing
    /// Every forward's time.
    var milliseconds: [Double]
    /// Distinct experts of all layers, every forward's.
    var experts: [Double]
    /// The median time of the forwards of one row that took turns with them.
    var oneRowMilliseconds: Double
  }

  /// Bytes per second of every look at the memory.
  var reads: [Double] = []
  /// Milliseconds, by prompt and round.
  var prefill: [[Double]]
  /// By depth and round.
  var decode: [[Timing]]
  /// By number of rows and round.
  var rows: [[Forwards]]

  init(prompts: Int, depths: Int, rowCounts: Int) {
    prefill = Array(repeating: [], count: prompts)
    decode = Array(repeating: [], count: depths)
    rows = Array(repeating: [], count: rowCounts)
  }

  /// The share of bandwidth that so many bytes are in the time of each of some timings, its median.
  static func shareOfBandwidth(bytes: Double, _ timings: [Timing]) -> Double {
    median(timings.map { bytes / $0.readableBytes })
  }

  /// The middle of the values, or the mean of the two in the middle; 0 of none.
  static func median(_ values: [Double]) -> Double {
    if values.isEmpty { return 0 }
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }
}
