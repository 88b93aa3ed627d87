import Checkpoints
import Foundation
import Testing

@Suite struct FolderTests {
  private static let first = SafetensorsWriter.file([StoredTensor("a", [1], [1])])
  private static let second = SafetensorsWriter.file([
    StoredTensor("b", [2], [2, 3]), StoredTensor("c", [1], [4]),
  ])
  private static let one = "model-00001-of-00002.safetensors"
  private static let two = "model-00002-of-00002.safetensors"

  private func sharded(_ weightMap: String, _ files: [String: [UInt8]]? = nil) throws -> CheckpointFolder {
    var files = files ?? [Self.one: Self.first, Self.two: Self.second]
    files["model.safetensors.index.json"] = Array(
      #"{"metadata":{"total_size":16},"weight_map":\#(weightMap)}"#.utf8)
    return try CheckpointFolder(files: files)
  }

  // MARK: - Layouts

  @Test func `shards are read as one checkpoint`() throws {
    let folder = try sharded(#"{"a":"\#(Self.one)","b":"\#(Self.two)","c":"\#(Self.two)"}"#)
    let checkpoint = try Checkpoint(directory: folder.url)
    #expect(checkpoint.tensors.keys.sorted() == ["a", "b", "c"])
    #expect(checkpoint.totalBytes == 16)
    let reader = TensorReader(checkpoint: checkpoint)
    #expect(try reader.floats("b", shape: [2]) == [2, 3])
    #expect(try reader.floats("a", shape: [1]) == [1])
    #expect(try reader.floats("c", shape: [1]) == [4])
    #expect(try reader.finish().isEmpty)
  }

  @Test func `a lone file of any name is enough`() throws {
    let folder = try CheckpointFolder(files: ["weights.safetensors": Self.second])
    #expect(try Checkpoint(directory: folder.url).tensors.count == 2)
  }

  @Test func `model safetensors is preferred to an index`() throws {
    let folder = try sharded(#"{"a":"\#(Self.one)"}"#, ["model.safetensors": Self.second])
    #expect(try Checkpoint(directory: folder.url).tensors.count == 2)
  }

  @Test func `the configuration of a folder without weights can be read`() throws {
    let folder = try CheckpointFolder(config: #"{"hidden_size": 64}"#)
    #expect(try Checkpoint.configurationOnly(directory: folder.url).integer("hidden_size") == 64)
    expectLoadError(.missing, "no safetensors file") { try Checkpoint(directory: folder.url) }
  }

  // MARK: - Broken shards

  @Test(arguments: [
    (map: #"{"a":"x-1.safetensors"}"#, kind: LoadError.Kind.missing, says: #"no "x-1.safetensors""#),
    (#"{"a":"\#(one)"}"#, .malformed, "stands"),
    (#"{"a":"\#(one)","b":"\#(two)"}"#, .malformed, "the index does not name it"),
    (#"{"a":"\#(one)","b":"\#(one)","c":"\#(two)"}"#, .malformed, "is not where"),
    (#"{"a":"\#(one)","b":"\#(two)","c":"\#(two)","d":"\#(one)"}"#, .missing, #"no "d" in"#),
    (#"{"a":"../\#(one)"}"#, .unsuitable, "same folder"),
    (#"{"a":"/etc/x.safetensors"}"#, .unsuitable, "same folder"),
    (#"{"a":"sub/x.safetensors"}"#, .unsuitable, "same folder"),
    (#"{"a":"pytorch_model.bin"}"#, .unsuitable, "same folder"),
    (#"{"a":""}"#, .unsuitable, "same folder"),
    (#"{"a":"x\u0000.safetensors"}"#, .unsuitable, "same folder"),
    (#"{"a":1}"#, .malformed, "a string"),
    (#"{"a":"\#(one)","a":"\#(one)"}"#, .malformed, "twice"),
    ("{}", .missing, "weight_map"), ("[]", .malformed, "broken JSON"), ("null", .malformed, "broken JSON"),
  ])
  func `an index that does not fit its shards is refused`(
    map: String, kind: LoadError.Kind, says: String
  ) throws {
    let extra = says == "stands" ? [Self.one: Self.first, Self.two: Self.first] : nil
    let folder = try sharded(
      extra == nil ? map : #"{"a":"\#(Self.one)","z":"\#(Self.two)"}"#, extra)
    expectLoadError(kind, says) { try Checkpoint(directory: folder.url) }
  }

  @Test func `a tensor in two shards is refused`() throws {
    let folder = try sharded(
      #"{"a":"\#(Self.one)","b":"\#(Self.two)"}"#,
      [
        Self.one: Self.first,
        Self.two: SafetensorsWriter.file([StoredTensor("a", [1], [1]), StoredTensor("b", [1], [1])]),
      ])
    expectLoadError(.malformed, #"tensor "a": stands in two files"#, Self.one, Self.two) {
      try Checkpoint(directory: folder.url)
    }
  }

  @Test func `a cut shard is named`() throws {
    let folder = try sharded(
      #"{"a":"\#(Self.one)","b":"\#(Self.two)","c":"\#(Self.two)"}"#,
      [Self.one: Self.first, Self.two: Self.second.dropLast()])
    expectLoadError(.malformed, Self.two, #"tensor "c""#, "truncated") {
      try Checkpoint(directory: folder.url)
    }
  }

  @Test func `many missing shards are counted`() throws {
    let names = (1...13).map { "model-\($0)-of-13.safetensors" }
    let map = names.enumerated().map { "\"t\($0)\":\"\($1)\"" }.joined(separator: ",")
    let folder = try sharded("{\(map)}", [:])
    expectLoadError(.missing, "13 of 13 files", "and 3 more") { try Checkpoint(directory: folder.url) }
  }

  @Test(arguments: ["", "{", "not json", #"{"weight_map":{"a":"b.safetensors"}} x"#])
  func `a broken index is refused`(text: String) throws {
    let folder = try CheckpointFolder(files: ["model.safetensors.index.json": Array(text.utf8)])
    expectLoadError(.malformed, "index.json") { try Checkpoint(directory: folder.url) }
  }

  @Test func `several files without an index are refused`() throws {
    let folder = try CheckpointFolder(files: [Self.one: Self.first, Self.two: Self.second])
    expectLoadError(.missing, "several safetensors files", Self.one) { try Checkpoint(directory: folder.url) }
  }

  @Test func `other weight formats are named`() throws {
    let folder = try CheckpointFolder(files: ["pytorch_model.bin": [1], "README.md": [1]])
    expectLoadError(.missing, "no safetensors file", #"found "pytorch_model.bin""#) {
      try Checkpoint(directory: folder.url)
    }
  }

  // MARK: - Broken folders

  @Test func `a missing folder, a file and a folder without config are refused`() throws {
    let folder = try CheckpointFolder(config: nil, files: ["model.safetensors": Self.first])
    let absent = folder.url.appendingPathComponent("absent")
    let file = folder.url.appendingPathComponent("model.safetensors")
    expectLoadError(.unreadable, "absent", "No such file") { try Checkpoint(directory: absent) }
    expectLoadError(.unreadable, "model.safetensors", "Not a directory") { try Checkpoint(directory: file) }
    expectLoadError(.unreadable, "config.json", "No such file") { try Checkpoint(directory: folder.url) }
    expectLoadError(.unreadable, "No such file") { try Checkpoint.configurationOnly(directory: absent) }
    expectLoadError(.unreadable, "a checkpoint folder") {
      try Checkpoint(directory: URL(fileURLWithPath: "/tmp/\0/x"))
    }
  }

  @Test(arguments: ["config.json", "model.safetensors"])
  func `a folder in a file's place is refused`(name: String) throws {
    let folder = try CheckpointFolder(files: ["model.safetensors": Self.first])
    let url = folder.url.appendingPathComponent(name)
    try FileManager.default.removeItem(at: url)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
    expectLoadError(.unreadable, name, "Is a directory") { try Checkpoint(directory: folder.url) }
  }

  @Test(arguments: ["config.json", "model.safetensors"])
  func `an empty file is refused`(name: String) throws {
    let folder = try CheckpointFolder(files: ["model.safetensors": Self.first])
    try folder.write(name, [])
    expectLoadError(.malformed, name) { try Checkpoint(directory: folder.url) }
  }

  /// The administrator may read everything.
  @Test(.enabled(if: getuid() != 0), arguments: ["config.json", "model.safetensors"])
  func `a file without permission is refused`(name: String) throws {
    let folder = try CheckpointFolder(files: ["model.safetensors": Self.first])
    let path = folder.url.appendingPathComponent(name).path
    try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: path)
    expectLoadError(.unreadable, name, "Permission denied") { try Checkpoint(directory: folder.url) }
  }

  @Test func `links are followed, as the hub's cache needs`() throws {
    let target = try CheckpointFolder(files: ["blob": Self.first])
    let folder = try CheckpointFolder()
    try FileManager.default.createSymbolicLink(
      at: folder.url.appendingPathComponent("model.safetensors"),
      withDestinationURL: target.url.appendingPathComponent("blob"))
    #expect(try Checkpoint(directory: folder.url).tensors.count == 1)
  }
}
