import Foundation
import Tensors
import Testing

@testable import FusionSpec

/// `fusionspec bench`: its options, its JSON, and what it refuses.
struct BenchTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let arguments: [String]
    let mentions: String
    var testDescription: String { arguments.joined(separator: " ") }

    init(_ arguments: String..., mentions: String) {
      self.arguments = arguments
      self.mentions = mentions
    }
  }

  @Test(arguments: [
    Case("--prompt", "0", mentions: "1 to 1000000"),
    Case("--prompt", "16,x", mentions: "--prompt"),
    Case("--prompt", "2000", mentions: "the context of 1024"),
    Case("--generate", "0", mentions: "--generate"),
    Case("--generate", "1025", mentions: "the context of 1024"),
    Case("--rows", "0,1", mentions: "1 to 256"),
    Case("--rows", "2,2", mentions: "--rows"),
    Case("--rows", "300", mentions: "1 to 256"),
    Case("--depth-of-context=-1", mentions: "--depth-of-context"),
    Case("--depth-of-context", "1000", mentions: "128 more positions"),
    Case("--depth-of-context", "1020", "--generate", "4", "--rows", "5", mentions: "--rows"),
    Case("--repetitions", "0", mentions: "1 to 99"),
    Case("--repetitions", "100", mentions: "1 to 99"),
    Case("--threads", "0", mentions: "threads"),
    Case("--weights", "int3", mentions: "int3"),
  ])
  func `options out of range are wrong usage`(_ usage: Case) throws {
    let outcome = try Command.run(["bench"] + usage.arguments)
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains(usage.mentions), "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
  }

  /// A folder with nothing but a config.json.
  private func withConfiguration<Value>(_ source: URL, _ body: (String) throws -> Value) throws -> Value {
    let folder = FileManager.default.temporaryDirectory.appending(path: "bench-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.copyItem(
      at: source.appending(path: "config.json"), to: folder.appending(path: "config.json"))
    return try body(folder.path)
  }

  private static let small = [
    "bench", "--prompt", "8,16", "--generate", "3", "--rows", "1,2,5", "--depth-of-context", "0,32",
    "--repetitions", "2",
  ]

  @Test
  func `made-up weights need only a configuration, and JSON has every field of the contract`() throws {
    let outcome = try withConfiguration(Command.fixture) {
      try Command.run(Self.small + ["--random-weights", "--json", "-"], model: $0)
    }
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("weights are made up"))
    let document = try outcome.json()
    #expect(document["schema"] as? String == "fusionspec.bench/1")
    #expect(document["weights"] as? String == "bf16")
    #expect(document["random_weights"] as? Bool == true)
    let machine = try #require(document["machine"] as? [String: Any])
    for key in ["read_gbps", "bf16_gflops", "f32_gflops"] {
      #expect(try #require(machine[key] as? Double) > 0, "\(key)")
    }
    #expect(machine.keys.contains("int8_gops"))

    let prefill = try #require(document["prefill"] as? [[String: Any]])
    #expect(prefill.map { $0["tokens"] as? Int } == [8, 16])
    for entry in prefill {
      #expect(try #require(entry["tokens_per_second"] as? Double) > 0)
      #expect(try #require(entry["share_of_peak"] as? Double) < 1)
    }
    let decode = try #require(document["decode"] as? [[String: Any]])
    #expect(decode.map { $0["context"] as? Int } == [0, 32])
    #expect(decode.allSatisfy { ($0["tokens_per_second"] as? Double ?? 0) > 0 })
    #expect(decode.allSatisfy { ($0["share_of_bandwidth"] as? Double ?? 0) > 0 })
    let bytes = decode.compactMap { $0["bytes_per_token"] as? Int }
    // Two layers that cache a latent of 24 and a rotary key of 8 floats for each of the 32 positions more.
    #expect(bytes.count == 2 && bytes[1] - bytes[0] == 32 * 2 * (24 + 8) * 4)

    let rows = try #require(document["rows"] as? [[String: Any]])
    #expect(rows.map { $0["rows"] as? Int } == [1, 2, 5])
    #expect(rows.allSatisfy { ($0["ms"] as? Double ?? 0) > 0 })
    #expect(rows[0]["relative_cost"] as? Double == 1)
    let operations = rows.compactMap { $0["operations"] as? Double }
    let decodeOperations = decode.compactMap { $0["operations_per_token"] as? Double }
    #expect(operations.count == 3 && decodeOperations.count == 2)
    // A position that a row sees takes 3 heads in two layers a score and a sum of a latent.
    let position = Double(2 * 2 * 3 * (24 + 8 + 24))
    #expect(decodeOperations[1] - decodeOperations[0] == 32 * position)
    #expect(operations[0] > position)
    #expect(operations[1] == 2 * operations[0] + position)
    #expect(operations[2] == 5 * operations[0] + 10 * position)
    for entry in decode + rows {
      let share = try #require(entry["share_of_peak"] as? Double)
      #expect(share > 0 && share < 1)
    }
    let experts = rows.compactMap { $0["distinct_experts_per_layer"] as? Double }
    #expect(experts.first == 2)  // experts of one token
    #expect(experts == experts.sorted() && experts[2] > 2 && experts[2] <= 6)
  }

  @Test
  func `a checkpoint is measured as generation opens it, JSON goes to a file, the table to stdout`() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "bench-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    let outcome = try Command.run(
      Self.small + ["--json", file.path, "--weights", "f32", "--threads", "1"], model: Command.fixture.path)
    #expect(outcome.status == 0, "\(outcome.errors)")
    for word in ["prefill", "decode", "rows", "GB/s"] { #expect(outcome.output.contains(word)) }
    let document = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any]
    #expect(document?["weights"] as? String == "f32")
    #expect(document?["threads"] as? Int == 1)
    #expect(document?["random_weights"] as? Bool == false)
  }

  @Test(arguments: [[], ["--weights", "f32"], ["--weights", "bf16"]])
  func `made-up weights that do not fit into memory are refused`(_ options: [String]) throws {
    let published = Command.root.appending(path: "Tests/Fixtures/published/DeepSeek-V3")
    let outcome = try withConfiguration(published) {
      try Command.run(["bench", "--random-weights"] + options, model: $0)
    }
    #expect(outcome.status == 1)
    #expect(outcome.output.isEmpty)
    for word in ["config.json", "memory", "f32 2", "bf16 1", "GB", "accepted: at most"] {
      #expect(outcome.errors.contains(word), "\(word): \(outcome.errors)")
    }
  }

  @Test
  func `weights are needed where they are not made up`() throws {
    let outcome = try withConfiguration(Command.fixture) { try Command.run(["bench"], model: $0) }
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("safetensors"))
  }

  @Test
  func `shares and ratios follow from what was measured`() {
    let report = BenchmarkReport(
      limits: MachineLimits(
        readBytesPerSecond: 10e9, floatOperationsPerSecond: 100e9, bf16OperationsPerSecond: 100e9,
        int8OperationsPerSecond: 200e9), weightFormat: .bf16,
      prefill: [BenchmarkReport.Prefill(tokens: 500, milliseconds: 250, operations: 10e9)],
      decode: [
        BenchmarkReport.Decode(
          context: 0, millisecondsPerToken: 4, bytesPerToken: 20e6, shareOfBandwidth: 0.5,
          plainBytesPerToken: 26e6, operationsPerToken: 2e6)
      ],
      rows: [Self.rows(2, 6, 30e6)], oneRow: Self.rows(1, 4, 20e6))
    #expect(report.prefill[0].tokensPerSecond == 2000)
    #expect(report.shareOfPeak(report.prefill[0]) == 0.4)
    #expect(report.decode[0].tokensPerSecond == 250)
    #expect(abs(report.decode[0].plainShareOfBandwidth - 0.65) < 1e-12)
    #expect(report.relativeBytes(report.rows[0]) == 1.5)
  }

  private static func rows(_ count: Int, _ milliseconds: Double, _ bytes: Double) -> BenchmarkReport.Rows {
    BenchmarkReport.Rows(
      rows: count, milliseconds: milliseconds, relativeCost: 1, distinctExpertsPerLayer: 2, bytes: bytes,
      shareOfBandwidth: 0.5, operations: 0)
  }
}
