import Foundation
import Tensors

/// The safetensors files of a folder, and for a sharded checkpoint which tensor its index puts in which file.
struct CheckpointFiles {
  static let indexName = "model.safetensors.index.json"
  static let maximumIndexSize = 100_000_000

  /// The files' names, sorted.
  let names: [String]
  /// Tensor name to file name, where there is an index.
  let index: [String: String]?

  /// Finds `model.safetensors`, else the index and its shards, else a lone safetensors file.
  init(folder: String) throws(LoadError) {
    let present: [String]
    do {
      present = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    } catch {
      throw LoadError(.unreadable, file: folder, problem: "the folder cannot be listed")
    }
    let weights = present.filter { $0.hasSuffix(".safetensors") }
    if present.contains("model.safetensors") {
      names = ["model.safetensors"]
      index = nil
    } else if present.contains(Self.indexName) {
      let index = try Self.readIndex(folder + "/" + Self.indexName)
      names = Set(index.values).sorted()
      self.index = index
      try Self.requireShards(names, folder)
    } else if weights.count == 1 {
      names = weights
      index = nil
    } else {
      let others = present.filter { name in
        [".bin", ".pt", ".pth", ".gguf", ".safetensors"].contains { name.hasSuffix($0) }
      }
      throw LoadError(
        .missing, file: folder,
        problem: weights.isEmpty ? "no safetensors file" : "several safetensors files without an index",
        found: others.isEmpty ? nil : LoadError.listing(others.map(LoadError.quoted)),
        accepted: "model.safetensors, \(Self.indexName) with its shards, or one *.safetensors")
    }
  }

  /// Reads `weight_map`. A 100 000-tensor index is read without building a tree.
  private static func readIndex(_ path: String) throws(LoadError) -> [String: String] {
    var reader = JSONReader(try readWholeFile(path, limit: maximumIndexSize), file: path)
    var map: [String: String] = [:]
    var isFirst = true
    try reader.begin("{")
    while let key = try reader.nextKey(&isFirst) {
      guard key == "weight_map" else {
        _ = try reader.value()
        continue
      }
      var isFirstTensor = true
      try reader.begin("{")
      while let name = try reader.nextKey(&isFirstTensor) {
        let shard = try reader.string()
        guard isPlainFileName(shard) else {
          throw LoadError(
            .unsuitable, file: path, place: "weight_map, tensor \(LoadError.quoted(name))",
            problem: "names an unsuitable file", found: LoadError.quoted(shard),
            accepted: "the name of a .safetensors file in the same folder")
        }
        if map.updateValue(shard, forKey: name) != nil {
          throw LoadError(
            .malformed, file: path, place: "weight_map, tensor \(LoadError.quoted(name))",
            problem: "stands twice")
        }
      }
    }
    try reader.end()
    guard !map.isEmpty else {
      throw LoadError(
        .missing, file: path, place: "key \"weight_map\"", problem: "is missing or empty",
        accepted: "an object from tensor names to file names")
    }
    return map
  }

  private static func isPlainFileName(_ name: String) -> Bool {
    name.hasSuffix(".safetensors") && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 < 0x20 }
  }

  private static func requireShards(_ names: [String], _ folder: String) throws(LoadError) {
    let missing = names.filter { !FileManager.default.fileExists(atPath: folder + "/" + $0) }
    if missing.isEmpty { return }
    throw LoadError(
      .missing, file: folder,
      problem: "\(missing.count) of \(names.count) files named by \(indexName) are missing",
      found: "no " + LoadError.listing(missing.map(LoadError.quoted)))
  }

  /// The tensors of all files by name, checked against each other and the index.
  func merge(_ headers: [SafetensorsHeader], folder: String) throws(LoadError) -> [String: TensorDescription]
  {
    var tensors: [String: TensorDescription] = [:]
    tensors.reserveCapacity(headers.reduce(0) { $0 + $1.tensors.count })
    for (file, header) in zip(names, headers) {
      for tensor in header.tensors {
        if let other = tensors.updateValue(tensor, forKey: tensor.name) {
          throw LoadError(
            .malformed, file: tensor.file, place: "tensor \(LoadError.quoted(tensor.name))",
            problem: other.file == tensor.file ? "stands twice in one header" : "stands in two files",
            found: other.file == tensor.file ? nil : "also in \(other.file)")
        }
        if let index, index[tensor.name] != file {
          throw LoadError(
            .malformed, file: tensor.file, place: "tensor \(LoadError.quoted(tensor.name))",
            problem: "is not where \(Self.indexName) puts it", found: "the tensor in this file",
            accepted: index[tensor.name].map(LoadError.quoted) ?? "nowhere: the index does not name it")
        }
      }
    }
    if let index, index.count > tensors.count {
      let missing = index.keys.filter { tensors[$0] == nil }.sorted()
      let listed = missing.map { "\(LoadError.quoted($0)) in \(LoadError.quoted(index[$0] ?? ""))" }
      throw LoadError(
        .missing, file: folder + "/" + Self.indexName,
        problem: "\(missing.count) tensors are not in the files that the index names",
        found: "no " + LoadError.listing(listed))
    }
    return tensors
  }
}
