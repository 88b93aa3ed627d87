public import Checkpoints
public import Foundation
public import Models
public import Tensors

/// A model to be measured: a checkpoint's, or one with made-up weights in the shape of a configuration.
public struct BenchmarkModel: Sendable {
  /// The folder's name.
  public let name: String
  /// The network.
  public let decoder: DecoderModel
  /// What a forward reads and computes.
  public let traffic: StepTraffic
  /// What it would read if no weights were compact.
  public let plainTraffic: StepTraffic
  /// Totals of the configuration.
  public let parameters: ParameterSummary
  /// Format of the weights in memory.
  public let weightFormat: WeightFormat
  /// Instruction set.
  public let kernels: KernelSet
  /// Worker threads.
  public let threadCount: Int
  /// Whether the weights are made up.
  public let isRandom: Bool

  /// Opens a checkpoint folder as generation would.
  public init(contentsOf directory: URL, options: ModelOptions) throws(LoadError) {
    let architecture = try ArchitectureRegistry.architecture(for: Checkpoint(directory: directory))
    let model = try LanguageModel(contentsOf: directory, options: options)
    self.init(
      name: model.name, decoder: model.decoder, architecture: architecture, format: model.weightFormat,
      options: options, isRandom: false)
  }

  /// Makes up weights for a folder's config.json, in the asked-for format or in the first one that fits into memory.
  ///
  /// - Parameter context: Positions to prepare for; at most what the configuration allows.
  public init(randomWeightsFor directory: URL, options: ModelOptions, context: Int) throws(LoadError) {
    let configuration = try Checkpoint.configurationOnly(directory: directory)
    let architecture = try ArchitectureRegistry.architecture(for: configuration)
    let summary = ParameterSummary(architecture.parameters, description: architecture.description)
    let format = try WeightMemory(summary, options: options).choose(options.weights, file: configuration.file)
    let model = try ArchitectureRegistry.randomModel(
      configuration,
      options: LoadOptions(
        format: format, contextLength: context,
        threadCount: options.threadCount ?? ProcessInfo.processInfo.activeProcessorCount,
        compactFormats: options.compactFormats(summary),
        progress: options.byteProgress(total: summary.byteCount(format))))
    let decoder = model.caching(as: options.cache)
    options.progress?(1)
    self.init(
      name: directory.standardizedFileURL.lastPathComponent, decoder: decoder, architecture: architecture,
      format: format, options: options, isRandom: true)
  }

  private init(
    name: String, decoder: DecoderModel, architecture: any Architecture, format: WeightFormat,
    options: ModelOptions, isRandom: Bool
  ) {
    self.name = name
    self.decoder = decoder
    let cacheBytes = decoder.cacheBytesByLayer
    traffic = StepTraffic(
      architecture, format: format, heldShare: decoder.heldShare, cacheBytes: cacheBytes)
    plainTraffic = StepTraffic(architecture, format: format, cacheBytes: cacheBytes)
    parameters = ParameterSummary(architecture.parameters, description: architecture.description)
    weightFormat = format
    kernels = options.kernels
    threadCount = options.threadCount ?? ProcessInfo.processInfo.activeProcessorCount
    self.isRandom = isRandom
  }

  /// Positions that a folder's configuration and the options allow; reads config.json alone.
  public static func context(of directory: URL, options: ModelOptions) throws(LoadError) -> Int {
    let configuration = try Checkpoint.configurationOnly(directory: directory)
    let limit = try ArchitectureRegistry.architecture(for: configuration).description.contextLength
    return min(options.context ?? limit, limit)
  }
}

/// Which weight formats of a model fit into a machine's memory.
struct WeightMemory {
  let parameters: ParameterSummary
  /// Bytes that weights may take: nine tenths of the machine's memory.
  let limit: Int
  private let options: ModelOptions

  init(
    _ parameters: ParameterSummary, options: ModelOptions,
    memory: Int = Int(ProcessInfo.processInfo.physicalMemory)
  ) {
    self.parameters = parameters
    self.options = options
    limit = memory / 10 * 9
  }

  /// The formats that are tried where none is asked for, the widest first; f32 gains nothing over bf16 for made-up weights.
  static var automaticFormats: [WeightFormat] { ["bf16", "int8", "int4"].compactMap(WeightFormat.init) }

  /// The asked-for format, or the first that fits; an error that names all sizes where it does not.
  func choose(_ format: WeightFormat?, file: String) throws(LoadError) -> WeightFormat {
    let candidates = format.map { [$0] } ?? Self.automaticFormats
    if let fitting = candidates.first(where: { byteCount($0) <= limit }) { return fitting }
    let sizes = WeightFormat.allCases.map { "\($0.rawValue) \(Self.gigabytes(byteCount($0)))" }
    throw LoadError(
      .unsuitable, file: file,
      problem: "the weights do not fit into memory "
        + (format.map { "as \($0.rawValue)" } ?? "in any format"),
      found: sizes.joined(separator: ", "),
      accepted: "at most \(Self.gigabytes(limit)), nine tenths of this machine's memory")
  }

  private func byteCount(_ format: WeightFormat) -> Int {
    parameters.byteCount(format, isCompact: options.compactFormats(parameters).contains(format))
  }

  private static func gigabytes(_ bytes: Int) -> String { String(format: "%.1f GB", Double(bytes) / 1e9) }
}
