public import Checkpoints
public import Tensors

/// How a model is held in memory.
public struct LoadOptions: Sendable {
  /// Format of the weight matrices.
  public var format: WeightFormat
  /// Positions to prepare for; at most what the configuration allows.
  public var contextLength: Int
  /// Threads that pack weights.
  public var threadCount: Int
  /// A folder in which packed weights are kept between runs: a run that finds them there reads them instead of packing
  /// them again. nil keeps nothing.
  public var packedWeightsFolder: String?
  /// Whether kept weights are used where they stand, mapped into memory, instead of being read into huge pages: the start
  /// takes no time whatever the size, and decoding is up to a fifth slower.
  public var mapsPackedWeights: Bool
  /// Formats of matrices that are held in fewer bits, without loss: bf16 in 12, f32 in 16 (`PackedMatrix.compacted(pool:)`).
  public var compactFormats: Set<WeightFormat>
  /// Told the bytes of weights that are ready, while a model is loaded.
  public var progress: (@Sendable (_ bytes: Int) -> Void)?

  /// Makes options.
  public init(
    format: WeightFormat, contextLength: Int, threadCount: Int = 1, packedWeightsFolder: String? = nil,
    mapsPackedWeights: Bool = false, compactFormats: Set<WeightFormat> = [],
    progress: (@Sendable (_ bytes: Int) -> Void)? = nil
  ) {
    self.format = format
    self.contextLength = contextLength
    self.threadCount = threadCount
    self.packedWeightsFolder = packedWeightsFolder
    self.mapsPackedWeights = mapsPackedWeights
    self.compactFormats = compactFormats
    self.progress = progress
  }
}

/// A family of models: reads its configuration into a blueprint, from which tensor names and the model follow.
///
/// To add one, write a conforming type in `Architectures/` and name it in `ArchitectureRegistry`.
public protocol Architecture: Sendable {
  /// The values of `model_type` that this type opens.
  static var modelTypes: [String] { get }
  /// The names in `architectures` that this type opens, for configurations without a `model_type`.
  static var classNames: [String] { get }
  /// Reads and checks the hyperparameters. Anything that the family knows and this runtime does not is an error.
  ///
  /// - Parameter hasTensor: Whether the checkpoint has a tensor; decides what the configuration leaves open.
  init(_ configuration: ConfigurationObject, hasTensor: (String) -> Bool) throws(LoadError)
  /// What the model is made of.
  var blueprint: DecoderBlueprint { get }
}

extension Architecture {
  /// What the configuration describes.
  public var description: ModelDescription { blueprint.description }
  /// Every tensor that a checkpoint must have, as published.
  public var parameters: [ParameterSpecification] { blueprint.parameters }
  /// Builds the model from a checkpoint.
  public func load(_ reader: TensorReader, options: LoadOptions) throws(LoadError) -> DecoderModel {
    try BlueprintLoader(blueprint, source: .checkpoint(reader), options: options).model()
  }
}

/// The families that can be opened.
public enum ArchitectureRegistry {
  static let architectures: [any Architecture.Type] = [
    Mixtral.self, DeepseekMoE.self, Qwen2MoE.self, Qwen3MoE.self, DeepseekV2.self, DeepseekV3.self,
    PanguProMoE.self, PanguEmbedded.self, PanguUltraMoE.self, Glm4MoE.self, MiMo.self, Llama.self, Qwen2.self,
    Qwen3.self,
  ]

  /// The supported values of `model_type`.
  public static var modelTypes: [String] { architectures.flatMap { $0.modelTypes } }

  /// Reads a configuration with the family that its `model_type` names.
  ///
  /// - Parameter hasTensor: Whether the checkpoint has a tensor; without a checkpoint every tensor is taken to be there.
  public static func architecture(
    for configuration: ConfigurationObject, hasTensor: (String) -> Bool = { _ in true }
  ) throws(LoadError) -> any Architecture {
    guard let type = try type(for: configuration) else {
      throw LoadError(
        .unsupported, file: configuration.file, place: "key \"model_type\"", problem: "unknown model type",
        found: LoadError.quoted(try configuration.string("model_type")),
        accepted: modelTypes.joined(separator: ", "))
    }
    let architecture = try type.init(configuration, hasTensor: hasTensor)
    try checkSize(of: architecture.blueprint, file: configuration.file)
    return architecture
  }

  /// Refuses sizes whose product no machine could hold, so that nobody who counts bytes has to think of overflow.
  private static func checkSize(of blueprint: DecoderBlueprint, file: String) throws(LoadError) {
    let experts = blueprint.layers.reduce(0) { sum, layer in
      if case .mixture(let mixture) = layer.feedForward { sum + mixture.expertCount } else { sum }
    }
    // Ten times what the largest published models have; each costs a few names of tensors.
    guard experts <= 1 << 18 else {
      throw LoadError(
        .unsuitable, file: file, problem: "there are too many experts", found: "\(experts) in all layers",
        accepted: "at most \(1 << 18)")
    }
    func product(_ numbers: [Int]) -> Double { numbers.reduce(1) { $0 * Double($1) } }
    let parameters = blueprint.parameters.reduce(0) { $0 + product($1.shape) }
    let positions = Double(blueprint.description.contextLength)
    let cached = blueprint.layers.reduce(0) { $0 + Double($1.attention.cacheWidth) } * positions
    let limit = 0x1p50
    guard parameters <= limit, cached <= limit else {
      throw LoadError(
        .unsuitable, file: file, problem: "the sizes multiply to more than any machine holds",
        found: "\(parameters) parameters, \(cached) cached numbers", accepted: "at most \(limit) of each")
    }
  }

  /// The family that `model_type` names, or `architectures` where there is no `model_type`.
  private static func type(
    for configuration: ConfigurationObject
  ) throws(LoadError) -> (any Architecture.Type)? {
    if let modelType = try configuration.stringIfPresent("model_type") {
      return architectures.first { $0.modelTypes.contains(modelType) }
    }
    let names = try configuration.stringsIfPresent("architectures") ?? []
    return architectures.first { type in type.classNames.contains { names.contains($0) } }
  }

  /// Reads a checkpoint's configuration.
  public static func architecture(for checkpoint: Checkpoint) throws(LoadError) -> any Architecture {
    try architecture(for: checkpoint.configuration) { checkpoint.tensors[$0] != nil }
  }

  /// Makes a model of a configuration's shape with made-up weights, for measurements where no checkpoint is at hand.
  public static func randomModel(
    _ configuration: ConfigurationObject, options: LoadOptions, seed: UInt64 = 0
  ) throws(LoadError) -> DecoderModel {
    let blueprint = try architecture(for: configuration).blueprint
    let weights = WeightSource.random(RandomWeights(seed: seed))
    return try BlueprintLoader(blueprint, source: weights, options: options).model()
  }

  /// Loads a checkpoint. Returns the model and the tensors that were left unread on purpose.
  public static func load(
    _ checkpoint: Checkpoint, options: LoadOptions
  ) throws(LoadError) -> (model: DecoderModel, ignored: [IgnoredTensor]) {
    let architecture = try architecture(for: checkpoint)
    let reader = TensorReader(checkpoint: checkpoint)
    try reader.requireAll(architecture.parameters.map { ($0.name, $0.shape) })
    var store: PackedStore?
    if let folder = options.packedWeightsFolder {
      store = try PackedStore(folder: folder, checkpoint: checkpoint, options: options)
    }
    let loader = try BlueprintLoader(
      architecture.blueprint, source: .checkpoint(reader), options: options, store: store)
    let model = try loader.model()
    return (model, try reader.finish())
  }
}
