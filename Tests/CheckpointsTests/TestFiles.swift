import Foundation
import Testing

/// A tensor to be written: its bytes are stored as they are.
struct StoredTensor {
  var name: String
  var type: String
  var shape: [Int]
  var bytes: [UInt8]

  init(_ name: String, _ type: String, _ shape: [Int], bytes: [UInt8]) {
    (self.name, self.type, self.shape, self.bytes) = (name, type, shape, bytes)
  }

  init(_ name: String, _ shape: [Int], _ values: [Float]) {
    self.init(name, "F32", shape, bytes: values.flatMap { littleEndian($0.bitPattern) })
  }
}

/// The bytes of an integer, lowest first.
func littleEndian<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
  (0..<Integer.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
}

/// Writes safetensors files, right or wrong.
enum SafetensorsWriter {
  static func file(_ tensors: [StoredTensor], metadata: [String: String] = [:]) -> [UInt8] {
    var entries: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\"\($0.value)\"" }
      entries.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var data: [UInt8] = []
    for tensor in tensors {
      let offsets = "[\(data.count),\(data.count + tensor.bytes.count)]"
      entries.append(
        "\"\(tensor.name)\":{\"dtype\":\"\(tensor.type)\",\"shape\":\(tensor.shape),\"data_offsets\":\(offsets)}"
      )
      data += tensor.bytes
    }
    return file(header: "{\(entries.joined(separator: ","))}", data: data)
  }

  static func file(header: String, data: [UInt8], length: UInt64? = nil) -> [UInt8] {
    littleEndian(length ?? UInt64(header.utf8.count)) + Array(header.utf8) + data
  }
}

/// A checkpoint folder that is removed with its last reference.
final class CheckpointFolder {
  let url: URL

  init(config: String? = "{}", files: [String: [UInt8]] = [:]) throws {
    url = FileManager.default.temporaryDirectory
      .appendingPathComponent("checkpoints-tests-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    if let config { try write("config.json", Array(config.utf8)) }
    for (name, bytes) in files { try write(name, bytes) }
  }

  convenience init(config: String? = "{}", _ tensors: [StoredTensor]) throws {
    try self.init(config: config, files: ["model.safetensors": SafetensorsWriter.file(tensors)])
  }

  func write(_ name: String, _ bytes: [UInt8]) throws {
    try Data(bytes).write(to: url.appendingPathComponent(name))
  }

  deinit { try? FileManager.default.removeItem(at: url) }
}

/// A small seeded generator (SplitMix64), so that every run tests the same cases.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
