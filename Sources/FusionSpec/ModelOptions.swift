public import Tensors

/// How a model is opened.
public struct ModelOptions: Sendable {
  /// Format of the weights in memory; nil chooses by the checkpoint's own types and the memory at hand.
  public var weights: WeightFormat?
  /// Worker threads; nil takes one for each processor of this process.
  public var threadCount: Int?
  /// Instruction set.
  public var kernels: KernelSet
  /// Most positions a conversation may have; nil for what the model allows.
  public var context: Int?

  /// Makes options.
  public init(
    weights: WeightFormat? = nil, threadCount: Int? = nil, kernels: KernelSet = .best, context: Int? = nil
  ) {
    self.weights = weights
    self.threadCount = threadCount
    self.kernels = kernels
    self.context = context
  }
}
