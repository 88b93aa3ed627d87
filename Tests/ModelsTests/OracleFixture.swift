import Checkpoints
import Foundation
import Models
import Tensors
import Testing

/// A committed checkpoint with what its oracle computes on it; see Tests/Fixtures/README.md.
struct OracleFixture: Sendable, CustomTestStringConvertible {
  /// Every folder Tests/Fixtures/<family>/<name> that has an oracle.
  static let all: [OracleFixture] = folders(checkpoints).flatMap { family in
    folders(family).filter { FileManager.default.fileExists(atPath: $0.appending(path: "oracle.json").path) }
      .map(OracleFixture.init)
  }
  /// Those whose checkpoint has a multi-token-prediction head.
  static let withMTP = all.filter { (try? $0.record().draft_chains) != nil }

  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures")
  /// Where the checkpoints are: FUSIONSPEC_FIXTURES names another folder, for configurations that are not committed.
  static let checkpoints =
    ProcessInfo.processInfo.environment["FUSIONSPEC_FIXTURES"].map { URL(filePath: $0) } ?? root

  let directory: URL
  /// "mixtral/plain-f32".
  var testDescription: String { directory.pathComponents.suffix(2).joined(separator: "/") }
  var family: String { directory.deletingLastPathComponent().lastPathComponent }

  private static func folders(_ parent: URL) -> [URL] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: parent.path)) ?? []
    return names.sorted().map { parent.appending(path: $0) }.filter { isFolder($0) }
  }

  private static func isFolder(_ url: URL) -> Bool {
    (try? url.resourceValues(forKeys: [.isDirectoryKey]))?.isDirectory == true
  }

  struct Record: Decodable {
    let prompt_token_ids: [Int32]
    let greedy_token_ids: [Int32]
    let draft_chains: [[Int32]]?
    let use_mtp: MTPRun?

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
    return try ArchitectureRegistry.load(checkpoint, options: LoadOptions(format: format, contextLength: 512))
      .model
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
