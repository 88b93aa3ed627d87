public import Tensors

/// What `Benchmark` measured.
public struct BenchmarkReport: Sendable {
  /// Prefill of one prompt length.
  public struct Prefill: Sendable, Equatable {
    /// Tokens of the prompt.
    public var tokens: Int
    /// Median time of the whole prompt, up to the logits after its last token.
    public var milliseconds: Double
    /// Operations of the products with weights and of attention, a multiply-add counting as two.
    public var operations: Double
    /// Speed.
    public var tokensPerSecond: Double { Double(tokens) * 1000 / milliseconds }
  }

  /// Plain decoding after some context.
  public struct Decode: Sendable, Equatable {
    /// Positions before the first decoded token.
    public var context: Int
    /// Median time of one token, the greedy choice included.
    public var millisecondsPerToken: Double
    /// Bytes of weights and cache that a token touches: what every token uses, its experts, the positions it sees.
    public var bytesPerToken: Double
    /// The share of read bandwidth that these bytes are in the time of a token, the median over the rounds of what it was in
    /// each; beyond 1 where caches hold the weights.
    public var shareOfBandwidth: Double
    /// The bytes if no weights were compact.
    public var plainBytesPerToken: Double
    /// Operations of a token, attention over what stands before it included, counted as those of a prefill.
    public var operationsPerToken: Double
    /// Speed.
    public var tokensPerSecond: Double { 1000 / millisecondsPerToken }
    /// The share of read bandwidth that those bytes would be at this speed.
    public var plainShareOfBandwidth: Double { shareOfBandwidth * plainBytesPerToken / bytesPerToken }
  }

  /// Forwards of some rows of one sequence, logits of all of them included, as verification runs them.
  public struct Rows: Sendable, Equatable {
    /// Rows of the forward.
    public var rows: Int
    /// Median time of a forward.
    public var milliseconds: Double
    /// Time relative to one row, the median over the rounds of what it was in each, where forwards of one row took turns with
    /// these.
    public var relativeCost: Double
    /// Mean over forwards and layers of the distinct experts that the rows chose; 0 for a dense model.
    public var distinctExpertsPerLayer: Double
    /// Mean bytes of weights and cache that a forward touches, each once.
    public var bytes: Double
    /// The share of read bandwidth that these bytes are in the time of a forward, likewise by round.
    public var shareOfBandwidth: Double
    /// Operations of a forward, counted as those of a prefill.
    public var operations: Double
  }

  /// The machine.
  public var limits: MachineLimits
  /// Format of the weights.
  public var weightFormat: WeightFormat
  /// By prompt length, as asked for.
  public var prefill: [Prefill]
  /// By depth, as asked for.
  public var decode: [Decode]
  /// By rows, as asked for.
  public var rows: [Rows]
  /// The forward of one row that the others are compared with.
  public var oneRow: Rows

  /// The share of the multiply-add peak that a prefill reached.
  public func shareOfPeak(_ prefill: Prefill) -> Double {
    shareOfPeak(operations: prefill.operations, milliseconds: prefill.milliseconds)
  }

  /// The share of the multiply-add peak that some operations in some time are.
  public func shareOfPeak(operations: Double, milliseconds: Double) -> Double {
    operations * 1000 / milliseconds / limits.operationsPerSecond(weightFormat)
  }

  /// Bytes relative to one row: what the cost would be if memory alone decided it.
  public func relativeBytes(_ rows: Rows) -> Double { rows.bytes / oneRow.bytes }
}
