import Checkpoints
public import Foundation
public import Models
public import Tensors

/// Whether bf16 weights are held in 12 bits each, and f32 weights that are bf16 in 16: the same numbers and the same results, from
/// fewer bytes.
public enum CompactWeights: String, Sendable, CaseIterable {
  /// Where the instruction set gains by it. For bf16 the model must be too large for caches: beyond 32 MB with AMX or AMD's
  /// AVX-512, 128 MB with other AVX-512 or AVX2.
  case automatic = "auto"
  /// Always.
  case on
  /// Never.
  case off
}

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
  /// A folder in which packed weights are kept between runs; nil keeps nothing.
  public var packedWeightsFolder: String?
  /// Whether kept weights are used where they stand, mapped into memory: no start-up time, slower decoding.
  public var mapsPackedWeights: Bool
  /// Whether bf16 and f32 weights are held in fewer bits, without loss.
  public var compactWeights: CompactWeights
  /// Told the share of the weights that is ready, from 0 to 1, while a model is opened.
  public var progress: (@Sendable (Double) -> Void)?
  /// The output head that drafts are read from.
  public var draftHead: DraftHeadFormat
  /// How keys and values are held.
  public var cache: CacheFormat
  /// A file with the thinking profile; nil finds the model's own.
  public var thinkingProfile: URL?

  /// Makes options.
  public init(
    weights: WeightFormat? = nil, threadCount: Int? = nil, kernels: KernelSet = .best, context: Int? = nil,
    packedWeightsFolder: String? = nil, mapsPackedWeights: Bool = false, thinkingProfile: URL? = nil,
    draftHead: DraftHeadFormat = .automatic, cache: CacheFormat = .automatic,
    compactWeights: CompactWeights = .automatic,
    progress: (@Sendable (Double) -> Void)? = nil
  ) {
    self.packedWeightsFolder = packedWeightsFolder
    self.mapsPackedWeights = mapsPackedWeights
    self.progress = progress
    self.weights = weights
    self.threadCount = threadCount
    self.kernels = kernels
    self.context = context
    self.draftHead = draftHead
    self.cache = cache
    self.compactWeights = compactWeights
    self.thinkingProfile = thinkingProfile
  }

  /// Formats of matrices that are to be held in fewer bits where their weights allow it. A model in any format has some of f32.
  package func compactFormats(_ summary: ParameterSummary) -> Set<WeightFormat> {
    let all = WeightFormat.allCases.filter(\.hasCompactForm)
    switch compactWeights {
    case .on: return Set(all)
    case .off: return []
    case .automatic:
      return Set(
        all.filter { format in kernels.compactsBeyond(format).map { summary.byteCount(format) > $0 } ?? false
        })
    }
  }

  /// Turns bytes that are ready into their share of `total`.
  func byteProgress(total: Int) -> (@Sendable (Int) -> Void)? {
    guard let progress else { return nil }
    return { (bytes: Int) -> Void in progress(min(1, Double(bytes) / Double(max(1, total)))) }
  }
}
