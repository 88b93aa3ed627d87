public import ArgumentParser
import Decoding
import Foundation
import FusionSpec
public import Models
import Tensors

/// The options that every command with a model takes.
struct ModelArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Checkpoint folder (default: $FUSIONSPEC_MODEL, else the Abacus sample).", valueName: "folder"),
    completion: .directory)
  var model: String?

  @Option(
    help: "Weight format in memory: auto, \(WeightFormat.allCases.map(\.rawValue).joined(separator: ", ")).")
  var weights = "auto"

  @Option(help: "Worker threads (default: one for each processor).")
  var threads: Int?

  @Option(
    help: "Instruction set: auto, \(KernelSet.available.map(\.name).joined(separator: ", ")) on this machine."
  )
  var isa = "auto"

  @Option(
    help: ArgumentHelp(
      "How keys and values are held: auto (bf16 beside weights narrower than f32 where that pays), f32, bf16, int8.",
      valueName: "format"))
  var kvCache = CacheFormat.automatic

  @Option(
    help: ArgumentHelp(
      "Hold bf16 weights in 12 bits, and f32 weights that are bf16 in 16, without loss: auto (where it is faster), on, off."
    ))
  var compactWeights = CompactWeights.automatic

  @Option(
    help: ArgumentHelp(
      "Keep packed weights in this folder, so that the next start need not pack them (default: "
        + "$FUSIONSPEC_PACKED_WEIGHTS, else nothing is kept).", valueName: "folder"),
    completion: .directory)
  var packedWeights: String?

  @Flag(
    help:
      "Use kept weights where they stand, mapped into memory: starts at once, decodes up to a fifth slower.")
  var mapPackedWeights = false

  @Option(help: "Most positions of a conversation (default: what the model allows, at most 262144).")
  var context: Int?

  @Option(
    help: ArgumentHelp(
      "File that says how the model switches thinking modes (default: found from the model folder).",
      valueName: "file"), completion: .file(extensions: ["json"]))
  var thinkingProfile: String?

  func validate() throws {
    if weights != "auto", WeightFormat(rawValue: weights) == nil {
      throw ValidationError(
        "--weights: found '\(weights)', accepted: auto, "
          + WeightFormat.allCases.map(\.rawValue).joined(separator: ", "))
    }
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads: found \(threads), accepted: 1 to 256")
    }
    if KernelSet.named(isa) == nil {
      throw ValidationError(
        "--isa: found '\(isa)', accepted on this machine: auto, "
          + KernelSet.available.map(\.name).joined(separator: ", "))
    }
    if mapPackedWeights, packedWeightsFolder == nil {
      throw ValidationError("--map-packed-weights needs --packed-weights or $FUSIONSPEC_PACKED_WEIGHTS")
    }
    if packedWeights == "" {
      throw ValidationError("--packed-weights: found an empty name, accepted: a folder")
    }
    if let context, !(2...(1 << 24)).contains(context) {
      throw ValidationError("--context: found \(context), accepted: 2 to \(1 << 24)")
    }
  }

  /// The checkpoint folder.
  var directory: URL {
    if let model { return URL(filePath: model) }
    if let model = ProcessInfo.processInfo.environment["FUSIONSPEC_MODEL"], !model.isEmpty {
      return URL(filePath: model)
    }
    return Self.sampleDirectory
  }

  /// Samples/Abacus beside the working folder or in a folder above the executable.
  private static var sampleDirectory: URL {
    let sample = "Samples/Abacus"
    let here = URL(filePath: FileManager.default.currentDirectoryPath)
    var candidates = [here]
    let executable = Bundle.main.executableURL ?? URL(filePath: CommandLine.arguments.first ?? "")
    var folder = executable.resolvingSymlinksInPath()
    while folder.path != "/", candidates.count < 12 {
      folder.deleteLastPathComponent()
      candidates.append(folder)
    }
    let found = candidates.map { $0.appending(path: sample) }.first {
      FileManager.default.fileExists(atPath: $0.appending(path: "config.json").path)
    }
    return found ?? here.appending(path: sample)
  }

  /// The options to open the model with.
  var options: ModelOptions {
    ModelOptions(
      weights: WeightFormat(rawValue: weights), threadCount: threads, kernels: KernelSet.named(isa) ?? .best,
      context: context, packedWeightsFolder: packedWeightsFolder, mapsPackedWeights: mapPackedWeights,
      thinkingProfile: thinkingProfile.map { URL(filePath: $0) }, cache: kvCache,
      compactWeights: compactWeights,
      progress: LoadingBar.onTerminal())
  }

  private var packedWeightsFolder: String? {
    let folder = packedWeights ?? ProcessInfo.processInfo.environment["FUSIONSPEC_PACKED_WEIGHTS"]
    return folder?.isEmpty == true ? nil : folder
  }

  /// Opens the model.
  ///
  /// - Parameter draftHead: The head that drafts are read from; an 8-bit copy that is asked for must be possible.
  func load(draftHead: DraftHeadFormat = .full) throws -> LanguageModel {
    var options = options
    options.draftHead = draftHead
    let model = try LanguageModel(contentsOf: directory, options: options)
    if let context, context > model.context {
      Terminal.error("note: --context \(context): \(model.name) has \(model.context) positions, which count")
    }
    if draftHead == .int8, model.decoder.draftHeadFormat != .int8 {
      throw RequestError.unsupported(
        option: "draft-head int8",
        reason: model.decoder.mtpHeadCount == 0
          ? "\(model.name) has no multi-token-prediction head" : "the output head is held in int8 already")
    }
    return model
  }
}

extension DraftHeadFormat: ExpressibleByArgument {}
extension CacheFormat: ExpressibleByArgument {}
extension CompactWeights: ExpressibleByArgument {}
