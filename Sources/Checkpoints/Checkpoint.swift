public import Foundation
import Tensors

/// A checkpoint folder of the Hugging Face hub, opened: its configuration and the tensors it holds.
///
/// Opening maps the safetensors files and reads their headers; no tensor data is read. A `TensorReader` then reads the
/// tensors of one model.
///
///     let checkpoint = try Checkpoint(directory: URL(fileURLWithPath: "models/DeepSeek-V3"))
///     print(checkpoint.tensors["lm_head.weight"]?.shape ?? [])
public final class Checkpoint: Sendable {
  /// The folder.
  public let directory: URL
  /// `config.json`.
  public let configuration: ConfigurationObject
  /// How FP8 weights are scaled; nil for a checkpoint without `quantization_config`.
  public let quantization: BlockQuantization?
  /// All tensors by name.
  public let tensors: [String: TensorDescription]

  /// The folder as a path, for errors.
  let path: String

  private let files: [String: MappedFile]

  /// Opens a folder with config.json and model.safetensors, or model.safetensors.index.json and its shards, or one
  /// *.safetensors file of another name.
  public init(directory: URL) throws(LoadError) {
    self.directory = directory
    path = directory.path
    configuration = try Self.configurationOnly(directory: directory)
    quantization = try BlockQuantization(configuration: configuration)

    let found = try CheckpointFiles(folder: path)
    var files: [String: MappedFile] = [:]
    var headers: [SafetensorsHeader] = []
    for name in found.names {
      let file = try mapFile(path + "/" + name, expecting: "a safetensors file")
      headers.append(try SafetensorsHeader(file))
      files[file.path] = file
    }
    tensors = try found.merge(headers, folder: path)
    self.files = files
  }

  /// The configuration of a folder that need not hold weights.
  public static func configurationOnly(directory: URL) throws(LoadError) -> ConfigurationObject {
    try requireFolder(directory.path)
    return try ConfigurationObject(file: directory.appendingPathComponent("config.json"))
  }

  /// The folder's name.
  public var name: String { directory.standardizedFileURL.lastPathComponent }

  /// Bytes of all tensors together.
  ///
  /// - Complexity: O(number of tensors)
  public var totalBytes: Int { tensors.values.reduce(0) { $0 + $1.bytes.count } }

  /// The safetensors files and config.json, by path.
  var mappedFiles: [MappedFile] {
    let configuration = try? MappedFile(path: path + "/config.json")
    return files.values.sorted { $0.path < $1.path } + (configuration.map { [$0] } ?? [])
  }

  /// The mapped file that holds a tensor of this checkpoint.
  func file(of tensor: TensorDescription) -> MappedFile {
    guard let file = files[tensor.file] else { preconditionFailure("the tensor is of another checkpoint") }
    return file
  }
}
