import Checkpoints
import Foundation
import Testing

/// A header that must be refused, and a part of what the error must say.
struct HostileHeader: CustomTestStringConvertible, Sendable {
  let header: String
  let dataCount: Int
  let says: String
  let kind: LoadError.Kind

  init(_ header: String, data dataCount: Int = 8, kind: LoadError.Kind = .malformed, _ says: String) {
    (self.header, self.dataCount, self.says, self.kind) = (header, dataCount, says, kind)
  }

  var testDescription: String { String(header.prefix(90)) }

  static func entry(_ type: String, _ shape: String, _ offsets: String) -> String {
    #"{"w":{"dtype":\#(type),"shape":\#(shape),"data_offsets":\#(offsets)}}"#
  }

  static let all: [HostileHeader] = [
    // JSON
    HostileHeader("", "header is not a JSON object"),
    HostileHeader("[]", "header is not a JSON object"),
    HostileHeader(" {}", data: 0, "header is not a JSON object"),
    HostileHeader("{", "byte 9: broken JSON"),
    HostileHeader("{}x", data: 0, "the end of the document"),
    HostileHeader("{}{}", data: 0, "the end of the document"),
    HostileHeader(#"{"w"}"#, "':'"),
    HostileHeader(#"{"w":{}}"#, #"tensor "w": lacks dtype"#),
    HostileHeader(#"{"w":{"dtype":"F32","shape":[2]}}"#, "lacks dtype, shape or data_offsets"),
    HostileHeader(#"{"w":[]}"#, "broken JSON"),
    HostileHeader(#"{"w":null}"#, "broken JSON"),
    HostileHeader(#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},}"#, "a string"),
    HostileHeader(#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}"#, "unknown or repeated"),
    HostileHeader(#"{"w":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, "repeated"),
    HostileHeader("{\"a\u{1}\":{}}", "control character"),
    HostileHeader(#"{"\ud800":{}}"#, "surrogate"),
    HostileHeader(#"{"\ud800\u0041":{}}"#, "surrogate"),
    HostileHeader(#"{"\uZZZZ":{}}"#, "hexadecimal"),
    HostileHeader(#"{"\q":{}}"#, "escape"),
    HostileHeader(#"{"__metadata__":{"format":1},"w":{}}"#, "a string"),
    HostileHeader(#"{"__metadata__":[]}"#, "broken JSON"),
    HostileHeader("{\"w\":" + String(repeating: "[", count: 100_000), "broken JSON"),
    HostileHeader(String(repeating: "{\"w\":", count: 100_000), "unknown or repeated"),
    HostileHeader(entry("\"F32\"", String(repeating: "[", count: 100_000), "[0,8]"), "a number"),
    // types
    HostileHeader(entry("\"F33\"", "[2]", "[0,8]"), kind: .unsupported, "BF16"),
    HostileHeader(entry("\"f32\"", "[2]", "[0,8]"), kind: .unsupported, #"found "f32""#),
    HostileHeader(entry("32", "[2]", "[0,8]"), "a string"),
    // shapes
    HostileHeader(entry("\"F32\"", "[-2]", "[0,8]"), "found -2"),
    HostileHeader(entry("\"F32\"", "[2.0]", "[0,8]"), "found 2.0"),
    HostileHeader(entry("\"F32\"", "[1.5]", "[0,8]"), "found 1.5"),
    HostileHeader(entry("\"F32\"", "[\"2\"]", "[0,8]"), "a number"),
    HostileHeader(entry("\"F32\"", "[1e400]", "[0,8]"), "too large"),
    HostileHeader(entry("\"F32\"", "[02]", "[0,8]"), "superfluous 0"),
    HostileHeader(entry("\"F32\"", "2", "[0,8]"), "'['"),
    HostileHeader(entry("\"F32\"", "[3]", "[0,8]"), "accepted: 12 bytes"),
    HostileHeader(entry("\"F32\"", "[1]", "[0,8]"), "accepted: 4 bytes"),
    HostileHeader(entry("\"F32\"", "[]", "[0,8]"), "accepted: 4 bytes"),
    HostileHeader(entry("\"F32\"", "[4611686018427387904,4]", "[0,8]"), "larger than memory"),
    HostileHeader(entry("\"F32\"", "[4611686018427387904,4,0]", "[0,0]"), "larger than memory"),
    HostileHeader(entry("\"F32\"", "[9223372036854775807]", "[0,8]"), "larger than memory"),
    HostileHeader(entry("\"F32\"", "[9223372036854775808]", "[0,8]"), "unsuitable shape"),
    HostileHeader(entry("\"F32\"", "[18446744073709551618]", "[0,8]"), "unsuitable shape"),
    HostileHeader(
      entry("\"F32\"", "[\(Array(repeating: "1", count: 33).joined(separator: ","))]", "[0,4]"), "at most 32"),
    // offsets
    HostileHeader(entry("\"F32\"", "[2]", "[0,9]"), "outside the file"),
    HostileHeader(entry("\"F32\"", "[2]", "[8,0]"), "outside the file"),
    HostileHeader(entry("\"F32\"", "[2]", "[8,16]"), "outside the file"),
    HostileHeader(entry("\"F32\"", "[2]", "[0]"), "outside the file"),
    HostileHeader(entry("\"F32\"", "[2]", "[]"), "outside the file"),
    HostileHeader(entry("\"F32\"", "[2]", "[0,4,8]"), "outside the file"),
    HostileHeader(entry("\"F32\"", "[2]", "[-8,0]"), "found -8"),
    HostileHeader(entry("\"F32\"", "[2]", "[0,9223372036854775807]"), "outside the file"),
    HostileHeader(entry("\"F32\"", "[2]", "[9223372036854775800,9223372036854775807]"), "outside the file"),
    HostileHeader(entry("\"F32\"", "[2]", "[0,18446744073709551615]"), "unsuitable data_offsets"),
    HostileHeader(entry("\"F32\"", "[2]", "[0,8]"), data: 9, "do not cover the file"),
    HostileHeader("{}", "do not cover the file"),
    HostileHeader(entry("\"F32\"", "[1]", "[4,8]"), "unused bytes stand before it"),
    HostileHeader(
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
      "overlap"),
    HostileHeader(
      #"{"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
      "overlap"),
    HostileHeader(
      #"{"w":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"v":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
      "unused bytes"),
    HostileHeader(
      #"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
      "twice"),
  ]
}

@Suite struct HostileFileTests {
  private static let valid = SafetensorsWriter.file(
    [
      StoredTensor("model.norm.weight", [2], [1, 2]),
      StoredTensor("w.weight", "F8_E4M3", [2, 2], bytes: [1, 2, 3, 4]),
      StoredTensor("w.weight_scale_inv", "BF16", [1, 1], bytes: [0x80, 0x3F]),
      StoredTensor("empty", "I64", [0, 3], bytes: []),
    ], metadata: ["format": "pt"])

  /// Opens the folder and reads all it can. Only a `LoadError` may come out.
  private func exercise(_ folder: CheckpointFolder) -> LoadError? {
    do throws(LoadError) {
      let checkpoint = try Checkpoint(directory: folder.url)
      let reader = TensorReader(checkpoint: checkpoint)
      for tensor in checkpoint.tensors.values where tensor.shape.reduce(1, *) < 1000 {
        do throws(LoadError) { _ = try reader.floats(tensor.name, shape: tensor.shape) } catch {}
      }
      return nil
    } catch {
      return error
    }
  }

  @Test func `the file that is damaged below is valid`() throws {
    let folder = try CheckpointFolder(files: ["model.safetensors": Self.valid])
    let checkpoint = try Checkpoint(directory: folder.url)
    #expect(checkpoint.tensors.count == 4)
    #expect(checkpoint.totalBytes == 14)
    #expect(checkpoint.tensors["empty"]?.shape == [0, 3])
    #expect(checkpoint.name == folder.url.lastPathComponent)
  }

  @Test func `a file cut at any byte is refused`() throws {
    let folder = try CheckpointFolder()
    for count in 0..<Self.valid.count {
      try folder.write("model.safetensors", Array(Self.valid.prefix(count)))
      let error = try #require(exercise(folder), "\(count) bytes")
      #expect(error.kind == .malformed && error.file.hasSuffix("model.safetensors"))
      expectReadable(error)
    }
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `random damage is refused or loads, and never crashes`(seed: UInt64) throws {
    let folder = try CheckpointFolder(files: ["model.safetensors": Self.valid])
    let file = try FileHandle(forUpdating: folder.url.appendingPathComponent("model.safetensors"))
    var generator = SeededGenerator(seed: seed)
    var refused = 0
    for _ in 0..<5_000 {
      var bytes = Self.valid
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let index = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 1: bytes[index] = UInt8.random(in: 0...255, using: &generator)
        case 2: bytes[index] = Array("0123456789[]{},:\"-e.".utf8).randomElement(using: &generator) ?? 0
        default: bytes.swapAt(index, Int.random(in: 0..<bytes.count, using: &generator))
        }
      }
      // Written in place: cutting a file and writing it anew costs a disk write each time on some file systems.
      try file.seek(toOffset: 0)
      try file.write(contentsOf: bytes)
      if let error = exercise(folder) {
        refused += 1
        if refused % 100 == 0 { expectReadable(error) }
      }
    }
    #expect(refused > 2_500)
  }

  @Test(arguments: HostileHeader.all)
  func `a lying header is refused`(hostile: HostileHeader) throws {
    let bytes = SafetensorsWriter.file(
      header: hostile.header, data: Array(repeating: 0, count: hostile.dataCount))
    let folder = try CheckpointFolder(files: ["model.safetensors": bytes])
    expectLoadError(hostile.kind, "model.safetensors", hostile.says) {
      try Checkpoint(directory: folder.url)
    }
  }

  @Test(arguments: [3, 9, 1 << 20, 100_000_001, 1 << 60, UInt64.max, UInt64(Int.max), 1 << 63])
  func `a lying header length is refused`(length: UInt64) throws {
    let bytes = SafetensorsWriter.file(header: "{}", data: [], length: length)
    let folder = try CheckpointFolder(files: ["model.safetensors": bytes])
    expectLoadError(.malformed, "byte 0", "a header of \(length) bytes in a file of 10") {
      try Checkpoint(directory: folder.url)
    }
  }

  @Test func `a header above 100 MB is refused though the file is as long`() throws {
    let folder = try CheckpointFolder(files: ["model.safetensors": littleEndian(100_000_001 as UInt64)])
    let handle = try FileHandle(forWritingTo: folder.url.appendingPathComponent("model.safetensors"))
    try handle.truncate(atOffset: 100_000_100)  // sparse
    try handle.close()
    expectLoadError(.malformed, "found 100000001 bytes; accepted: at most 100000000") {
      try Checkpoint(directory: folder.url)
    }
  }

  @Test func `a header that is not UTF-8 is refused`() throws {
    let header = Array("{\"".utf8) + [0xFF, 0xC0] + Array("\":{}}".utf8)
    let bytes = littleEndian(UInt64(header.count)) + header
    let folder = try CheckpointFolder(files: ["model.safetensors": bytes])
    expectLoadError(.malformed, "UTF-8") { try Checkpoint(directory: folder.url) }
  }

  @Test func `a Git LFS pointer is called by its name`() throws {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    let folder = try CheckpointFolder(files: ["model.safetensors": Array(pointer.utf8)])
    expectLoadError(.malformed, "Git LFS") { try Checkpoint(directory: folder.url) }
  }

  @Test func `names of a file cannot steer the terminal`() throws {
    let header = #"{"a\u001b[2J\n\u202eb":{"dtype":"\n\u0007","shape":[],"data_offsets":[0,8]}}"#
    let bytes = SafetensorsWriter.file(header: header, data: Array(repeating: 0, count: 8))
    let folder = try CheckpointFolder(files: ["model.safetensors": bytes])
    expectLoadError(.unsupported, #"a\u{1B}[2J\n\u{202E}b"#) { try Checkpoint(directory: folder.url) }
  }

  @Test func `padding, escapes and any key order are read`() throws {
    let header = #"""
      {"__metadata__":{"a":"\u00e9\ud83d\ude00"}, "w\u0041\/\t":
        {"data_offsets" : [0, 4], "shape":[ ], "dtype":"F32"} }
      """#
    let bytes = SafetensorsWriter.file(header: header + "      ", data: littleEndian(Float(3).bitPattern))
    let folder = try CheckpointFolder(files: ["model.safetensors": bytes])
    let reader = TensorReader(checkpoint: try Checkpoint(directory: folder.url))
    #expect(try reader.floats("wA/\t", shape: []) == [3])
  }
}
