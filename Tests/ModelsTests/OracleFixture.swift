import Checkpoints
import Foundation
import Models
import Tensors
import Testing

/// A committed checkpoint with what transformers computes on it; see Tests/Fixtures/README.md.
struct OracleFixture: Sendable, CustomTestStringConvertible {
  static let all = [
    "plain-f32", "groups-yarn-bf16", "tied-two-dense-f32", "amplitude-odd-bf16", "fp8-blocks", "sharded-f16",
  ].map(OracleFixture.init)

  let name: String
  var testDescription: String { name }

  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/deepseek-v3")

  var directory: URL { Self.root.appending(path: name) }

  struct Record: Decodable {
    let prompt_token_ids: [Int32]
    let greedy_token_ids: [Int32]
    let draft_chain: [Int32]
    let draft_chains: [[Int32]]
    let use_mtp: MTPRun

    struct MTPRun: Decodable {
      let rounds: Int
      let accepted: Int
    }
  }

  func record() throws -> Record {
    try JSONDecoder().decode(Record.self, from: Data(contentsOf: directory.appending(path: "oracle.json")))
  }

  func model(_ format: WeightFormat = .f32) throws -> DecoderModel {
    let checkpoint = try Checkpoint(directory: directory)
    return try ArchitectureRegistry.load(checkpoint, options: LoadOptions(format: format, contextLength: 512)).model
  }

  /// A tensor of oracle.safetensors, flattened.
  func oracleTensor(_ name: String) throws -> [Float] {
    let data = try Data(contentsOf: directory.appending(path: "oracle.safetensors"))
    let headerLength = data.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
    let header = try JSONSerialization.jsonObject(with: data[8..<8 + headerLength]) as? [String: Any]
    let entry = header?[name] as? [String: Any]
    let offsets = entry?["data_offsets"] as? [Int] ?? [0, 0]
    let bytes = data[(8 + headerLength + offsets[0])..<(8 + headerLength + offsets[1])]
    return stride(from: bytes.startIndex, to: bytes.endIndex, by: 4).map { place in
      let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[place + $1]) << (8 * UInt32($1)) }
      return Float(bitPattern: bits)
    }
  }
}
