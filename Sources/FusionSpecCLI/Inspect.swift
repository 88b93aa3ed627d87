import ArgumentParser
import Checkpoints
import Foundation
import FusionSpec
import Models
import Tensors
import Tokenization

/// `fusionspec inspect`.
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "What a checkpoint is and what it needs, from its headers alone.",
    discussion: """
      Takes the options of every command. --weights, --isa, --kv-cache, --compact-weights and --context (at most the model's) say \
      for what "needed" is reckoned; the others about running a model change nothing here.
      """)

  @OptionGroup(title: "Model") var modelArguments: ModelArguments
  @Flag(help: "Print the result as JSON.") var json = false
  @OptionGroup(title: "Output") var output: OutputArguments

  func run() throws {
    let directory = modelArguments.directory
    let (architecture, checkpoint) = try open(directory)
    let description = architecture.description
    let parameters = ParameterSummary(architecture.parameters, description: description)
    var text: TextProcessor?
    var textProblem: String?
    do {
      text = try TextProcessor(directory: directory)
    } catch {
      textProblem = error.description
    }
    let profile = try profile(text, textProblem, description)
    let contexts =
      [1024, 4096, 32768].filter { $0 < description.contextLength } + [description.contextLength]
    let cacheFormats = CacheFormat.allCases.filter { $0 != .automatic }
    let positionBytes = description.cacheBytesPerPosition(.f32)
    let need = MemoryNeed(modelArguments, parameters, description, checkpoint: checkpoint)
    let document: JSONDocument = [
      "schema": "fusionspec.inspect/1", "model": .string(directory.standardizedFileURL.lastPathComponent),
      "model_type": .string(description.modelType),
      "parameters": [
        "total": .integer(parameters.total), "active": .integer(parameters.active),
        "mtp": .integer(parameters.mtp),
      ],
      "layers": .integer(description.layerCount), "hidden_size": .integer(description.hiddenSize),
      "vocab_size": .integer(description.vocabularySize),
      "context_length": .integer(description.contextLength),
      "attention": .string(description.attention), "router": JSONDocument(description.router),
      "mtp_heads": .integer(description.mtpHeadCount),
      "thinking_profile": profile.map(Self.document) ?? .null,
      "tokenizer": JSONDocument(text?.tokenizer.kind), "tokenizer_problem": JSONDocument(textProblem),
      "chat_template": .bool(text?.chatTemplate != nil),
      "tensors": checkpoint.map { .integer($0.tensors.count) } ?? .null,
      "checkpoint_bytes": checkpoint.map { .integer($0.totalBytes) } ?? .null,
      "element_types": checkpoint.map { .object(Self.elementTypes($0)) } ?? .null,
      "memory": [
        "weights": .object(
          Dictionary(
            uniqueKeysWithValues: WeightFormat.allCases.map {
              ($0.rawValue, .integer(parameters.byteCount($0)))
            })),
        // As kernels that gain by it hold it: the same numbers in fewer bits.
        "compact_bf16": .integer(parameters.byteCount(.bf16, isCompact: true)),
        "needed": [
          "weights": .string(need.weights.rawValue), "cache_format": .string(need.cache.rawValue),
          "context": .integer(need.context), "bytes": .integer(need.byteCount),
        ],
        "cache_format": "f32", "cache_bytes_per_position": .integer(positionBytes),
        "cache_bytes_per_position_by_format": .object(
          Dictionary(
            uniqueKeysWithValues: cacheFormats.map {
              ($0.rawValue, .integer(description.cacheBytesPerPosition($0)))
            })),
        "cache": .object(
          Dictionary(contexts.map { (String($0), .integer($0 * positionBytes)) }) { first, _ in first }),
      ],
    ]
    if json {
      Terminal.output(document.line() + "\n")
      return
    }
    func size(_ bytes: Int) -> String {
      String(
        format: bytes < 1 << 30 ? "%.1f MiB" : "%.1f GiB",
        bytes < 1 << 30 ? Double(bytes) / 0x1p20 : Double(bytes) / 0x1p30)
    }
    func count(_ value: Int) -> String {
      String(
        format: value < 1_000_000_000 ? "%.2f M" : "%.2f B",
        value < 1_000_000_000 ? Double(value) / 1e6 : Double(value) / 1e9)
    }
    var lines = [
      ("model type", description.modelType),
      (
        "parameters",
        "\(count(parameters.total)), \(count(parameters.active)) active, MTP \(count(parameters.mtp))"
      ),
      (
        "layers",
        "\(description.layerCount) of width \(description.hiddenSize), vocabulary \(description.vocabularySize), context \(description.contextLength)"
      ),
      ("attention", description.attention), ("router", description.router ?? "none: a dense model"),
      (
        "MTP heads",
        description.mtpHeadCount == 0
          ? "none (\(description.mtpAbsence ?? "unknown why")): drafts come from prompt lookup"
          : "\(description.mtpHeadCount)"
            + (description.mtpHeadCount > 1 ? ", one after the other, then the last one again" : "")
      ),
      (
        "thinking",
        profile.map(Self.describe) ?? "no switch found"
      ),
      ("tokenizer", text?.tokenizer.kind ?? textProblem ?? "none"),
    ]
    if let checkpoint {
      lines.append(("checkpoint", "\(checkpoint.tensors.count) tensors, \(size(checkpoint.totalBytes))"))
    }
    lines.append(
      (
        "memory",
        WeightFormat.allCases.map { "\($0.rawValue) \(size(parameters.byteCount($0)))" }.joined(
          separator: ", ")
          + "; bf16 compact \(size(parameters.byteCount(.bf16, isCompact: true)))"
      ))
    let cache = contexts.map { context in
      cacheFormats.map { "\($0.rawValue) \(size(context * description.cacheBytesPerPosition($0)))" }
        .joined(separator: ", ") + " at \(context)"
    }
    lines.append(("cache", cache.joined(separator: "; ")))
    lines.append(
      (
        "needed",
        "\(size(need.byteCount)): weights in \(need.weights.rawValue), keys and values in \(need.cache.rawValue) "
          + "for one sequence of \(need.context)"
      ))
    for (name, value) in lines {
      Terminal.output(name.padding(toLength: 12, withPad: " ", startingAt: 0) + value + "\n")
    }
  }

  /// The architecture of a folder with weights, or of one that has only a config.json.
  private func open(_ directory: URL) throws -> (any Architecture, Checkpoint?) {
    let opened = Result { () throws(LoadError) in try Checkpoint(directory: directory) }
    switch opened {
    case .success(let checkpoint): return (try ArchitectureRegistry.architecture(for: checkpoint), checkpoint)
    case .failure(let error):
      let isWithoutWeights = error.kind == .missing || error.kind == .unreadable
      guard isWithoutWeights, let configuration = try? Checkpoint.configurationOnly(directory: directory)
      else {
        throw error
      }
      return (try ArchitectureRegistry.architecture(for: configuration), nil)
    }
  }

  private static func elementTypes(_ checkpoint: Checkpoint) -> [String: JSONDocument] {
    var counts: [String: Int] = [:]
    for tensor in checkpoint.tensors.values { counts[tensor.elementType.rawValue, default: 0] += 1 }
    return counts.mapValues { .integer($0) }
  }

  private func profile(_ text: TextProcessor?, _ problem: String?, _ model: ModelDescription) throws
    -> ThinkingProfile?
  {
    guard let thinkingProfile = modelArguments.thinkingProfile else {
      return text.flatMap { ThinkingProfile($0, model: model) }
    }
    guard let text else {
      throw LoadError(
        .unsuitable, file: thinkingProfile,
        problem: "a thinking profile needs a tokenizer: \(problem ?? "there is none")")
    }
    return try ThinkingProfile(file: URL(filePath: thinkingProfile), text: text)
  }

  private static func describe(_ profile: ThinkingProfile) -> String {
    let modes = profile.modes.map { $0 == profile.defaultMode ? "\($0.rawValue) (default)" : $0.rawValue }
    let how =
      switch profile.modeSwitch {
      case .templateVariable(let name, _): "template variable \(name)"
      case .suffix: "text behind the last user message"
      case .fixed: "no switch"
      }
    return "\(profile.name): \(modes.joined(separator: ", ")); \(how); "
      + "\(profile.open.text) (\(profile.open.token)) … \(profile.close.text) (\(profile.close.token))"
  }

  private static func document(_ profile: ThinkingProfile) -> JSONDocument {
    [
      "name": .string(profile.name), "open": .string(profile.open.text), "close": .string(profile.close.text),
      "open_id": .integer(Int(profile.open.token)), "close_id": .integer(Int(profile.close.token)),
      "switch": document(profile.modeSwitch),
      "modes": .array(profile.modes.map { .string($0.rawValue) }),
      "default": .string(profile.defaultMode.rawValue),
      "runtime_auto": .bool(profile.allowsRuntimeChoice),
    ]
  }

  /// The switch as a profile file would say it.
  private static func document(_ modeSwitch: ThinkingProfile.Switch) -> JSONDocument {
    switch modeSwitch {
    case .templateVariable(let name, let values):
      [
        "variable": .string(name),
        "values": .object(Dictionary(values.map { ($0.rawValue, JSONDocument($1)) }) { first, _ in first }),
      ]
    case .suffix(let texts):
      ["suffix": .object(Dictionary(texts.map { ($0.rawValue, .string($1)) }) { first, _ in first })]
    case .fixed(let mode): ["fixed": .string(mode.rawValue)]
    }
  }
}
