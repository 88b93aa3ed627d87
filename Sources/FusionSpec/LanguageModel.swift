public import Checkpoints
public import Decoding
public import Foundation
public import Models
public import Tensors
public import Tokenization

/// A model folder opened for generation: weights, tokenizer, chat template and thinking profile.
///
///     let model = try LanguageModel(contentsOf: URL(filePath: "Samples/Abacus"))
///     let prompt = try model.encode(.user("What is 12 + 7?"), thinking: .slow)
public final class LanguageModel: Sendable {
  /// The folder's name.
  public let name: String
  /// The network.
  public let decoder: DecoderModel
  /// Tokenizer and chat template; nil where the folder has no tokenizer, which leaves prompts given as token ids.
  public let text: TextProcessor?
  /// Why there is no tokenizer.
  public let textError: TokenizerError?
  /// How the model switches between fast and slow thinking; nil where it cannot.
  public let thinkingProfile: ThinkingProfile?
  /// Format of the weights in memory.
  public let weightFormat: WeightFormat
  /// Instruction set.
  public let kernels: KernelSet
  /// Worker threads of an engine.
  public let threadCount: Int
  /// Most positions a conversation may have.
  public let context: Int
  /// Tensors of the checkpoint that were left unread on purpose.
  public let ignoredTensors: [IgnoredTensor]
  /// Milliseconds that loading took.
  public let loadMilliseconds: Double

  /// Positions prepared for where the options name none, however many the configuration promises: tables of positions
  /// are made at load.
  public static let largestDefaultContext = 1 << 18

  /// Opens a checkpoint folder as published.
  public init(contentsOf directory: URL, options: ModelOptions = ModelOptions()) throws(LoadError) {
    let start = ContinuousClock.now
    let checkpoint = try Checkpoint(directory: directory)
    let architecture = try ArchitectureRegistry.architecture(for: checkpoint)
    let description = architecture.description
    context = min(options.context ?? Self.largestDefaultContext, description.contextLength)
    kernels = options.kernels
    threadCount = options.threadCount ?? ProcessInfo.processInfo.activeProcessorCount
    let summary = ParameterSummary(architecture.parameters, description: description)
    weightFormat = options.weights ?? Self.automaticFormat(checkpoint, summary)
    let total = summary.byteCount(weightFormat)
    let loaded = try ArchitectureRegistry.load(
      checkpoint,
      options: LoadOptions(
        format: weightFormat, contextLength: context, threadCount: threadCount,
        packedWeightsFolder: options.packedWeightsFolder, mapsPackedWeights: options.mapsPackedWeights,
        compactFormats: options.compactFormats(summary),
        progress: options.byteProgress(total: total)))
    ignoredTensors = loaded.ignored
    decoder = loaded.model.caching(as: options.cache).drafting(
      with: options.draftHead, threadCount: threadCount, kernels: kernels)
    options.progress?(1)
    name = checkpoint.name
    let processor = Result { () throws(TokenizerError) in try TextProcessor(directory: directory) }
    switch processor {
    case .success(let processor):
      guard processor.tokenizer.vocabularySize <= description.vocabularySize else {
        throw LoadError(
          .unsuitable, file: directory.path, place: "tokenizer",
          problem: "the tokenizer has more tokens than the model",
          found: "\(processor.tokenizer.vocabularySize) tokens",
          accepted: "at most vocab_size (\(description.vocabularySize))")
      }
      text = processor
      textError = nil
      thinkingProfile =
        if let file = options.thinkingProfile {
          try ThinkingProfile(file: file, text: processor)
        } else {
          ThinkingProfile(processor, model: description)
        }
    case .failure(let error):
      if let file = options.thinkingProfile {
        throw LoadError(
          .unsuitable, file: file.path, problem: "a thinking profile needs a tokenizer: \(error)")
      }
      text = nil
      textError = error
      thinkingProfile = nil
    }
    loadMilliseconds = (ContinuousClock.now - start).milliseconds
  }

  /// The same weights with keys and values held in another format.
  public func caching(as format: CacheFormat) -> LanguageModel { LanguageModel(self, cache: format) }

  private init(_ model: LanguageModel, cache: CacheFormat) {
    name = model.name
    decoder = model.decoder.caching(as: cache)
    text = model.text
    textError = model.textError
    thinkingProfile = model.thinkingProfile
    weightFormat = model.weightFormat
    kernels = model.kernels
    threadCount = model.threadCount
    context = model.context
    ignoredTensors = model.ignoredTensors
    loadMilliseconds = model.loadMilliseconds
  }

  /// The checkpoint's own precision, bf16 for bf16 and FP8 checkpoints and f32 for wider ones, where that fits into
  /// memory; else the next narrower format. A checkpoint that is not there yet is taken for bf16.
  public static func automaticFormat(
    _ checkpoint: Checkpoint?, _ summary: ParameterSummary
  ) -> WeightFormat {
    let matrices = checkpoint?.tensors.values.filter { $0.shape.count == 2 } ?? []
    let narrow = matrices.filter { $0.elementType == .bf16 || $0.elementType == .f8e4m3 }.count
    return summary.widestFormat(
      of: matrices.isEmpty || narrow * 2 > matrices.count
        ? [.bf16, .int8, .int4] : [.f32, .bf16, .int8, .int4],
      memory: Int(ProcessInfo.processInfo.physicalMemory))
  }

  /// Makes an engine.
  ///
  /// - Parameters:
  ///   - batchSize: Sequences in flight at once.
  ///   - context: Positions that the longest sequence needs; nil for the model's whole context.
  public func makeEngine(batchSize: Int = 1, context: Int? = nil) -> DecodingEngine {
    DecodingEngine(
      model: decoder,
      configuration: EngineConfiguration(
        slotCount: batchSize, context: min(context ?? self.context, self.context), threadCount: threadCount,
        kernels: kernels))
  }

  /// Tokens that end a reply: the configuration's and the tokenizer's.
  public var stopTokens: [Int32] {
    var tokens = decoder.description.endOfSequenceTokens
    if let end = text?.endOfSequence, !tokens.contains(end) { tokens.append(end) }
    return tokens
  }
}

extension Duration {
  /// The duration in milliseconds.
  public var milliseconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) * 1e3 + Double(attoseconds) / 1e15
  }
}
