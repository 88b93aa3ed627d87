import Decoding
import Foundation
import FusionSpec
import Tensors
import Testing

/// The first promise: the same token ids with speculation off and on, at any depth, in any batch, with any number of
/// threads, greedy or sampled, for every instruction set.
@Suite(.serialized)
struct ExactnessTests {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  static let abacus = root.appending(path: "Samples/Abacus")

  /// Prompts of every skill of the sample: the first lines of its evaluation sets.
  static func prompts(perFile: Int) throws -> [Prompt] {
    struct Line: Decodable { let prompt: String }
    let folder = abacus.appending(path: "evaluation")
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == "jsonl" }.sorted { $0.path < $1.path }
    return try files.flatMap { file in
      try String(contentsOf: file, encoding: .utf8).split(separator: "\n").prefix(perFile).map {
        Prompt.user(try JSONDecoder().decode(Line.self, from: Data($0.utf8)).prompt)
      }
    }
  }

  static func requests(
    _ model: LanguageModel, perFile: Int, sampling: SamplingOptions, maximumTokens: Int = 48
  ) throws -> [GenerationRequest] {
    try prompts(perFile: perFile).enumerated().map { index, prompt in
      try model.request(
        prompt, thinking: ThinkingSettings(mode: ThinkingMode.allCases[index % 3]),
        maximumTokens: maximumTokens,
        sampling: sampling)
    }
  }

  static func replies(
    _ model: LanguageModel, _ requests: [GenerationRequest], _ speculation: Speculation, batch: Int
  ) throws -> [[Int32]] {
    let context = requests.map { $0.promptTokens.count + $0.maximumTokens }.max() ?? 1
    let engine = model.makeEngine(batchSize: batch, context: context)
    for var request in requests {
      request.speculation = speculation
      _ = try engine.submit(request)
    }
    return engine.run().map(\.tokens)
  }

  static let settings: [Speculation] = [
    .off, .mtp(depth: 1), .mtp(depth: 2), .mtp(depth: 3), .mtp(depth: 5), .lookup(depth: 5), .automatic,
  ]

  static let samplings: [SamplingOptions] = [
    SamplingOptions(),
    SamplingOptions(temperature: 0.8, seed: 7),
    SamplingOptions(temperature: 0.8, topK: 40, topP: 0.9, repetitionPenalty: 1.2, seed: 11),
  ]

  @Test(arguments: samplings)
  func `ids do not depend on drafts, batch or threads`(sampling: SamplingOptions) throws {
    let model = try LanguageModel(contentsOf: Self.abacus, options: ModelOptions(threadCount: 1))
    let requests = try Self.requests(model, perFile: 10, sampling: sampling, maximumTokens: 24)
    #expect(requests.count >= 50)
    let expected = try Self.replies(model, requests, .off, batch: 1)
    #expect(
      expected.reduce(0) { $0 + $1.count } > 10 * requests.count, "replies are long enough to mean something")
    for threads in [1, 2] {
      let model = try LanguageModel(contentsOf: Self.abacus, options: ModelOptions(threadCount: threads))
      for batch in [1, 8] {
        for speculation in Self.settings where (threads, batch, speculation) != (1, 1, .off) {
          let found = try Self.replies(model, requests, speculation, batch: batch)
          #expect(found == expected, "\(speculation), batch \(batch), \(threads) threads")
        }
      }
    }
  }

  @Test(arguments: WeightFormat.allCases, KernelSet.available.map(\.name))
  func `ids do not depend on drafts in any weight format and instruction set`(
    format: WeightFormat, isa: String
  ) throws {
    let kernels = try #require(KernelSet.named(isa))
    let model = try LanguageModel(
      contentsOf: Self.abacus, options: ModelOptions(weights: format, threadCount: 2, kernels: kernels))
    let requests = try Self.requests(
      model, perFile: 1, sampling: SamplingOptions(temperature: 0.7, seed: 3), maximumTokens: 24)
    let expected = try Self.replies(model, requests, .off, batch: 1)
    for speculation in [Speculation.mtp(depth: 2), .automatic] {
      #expect(try Self.replies(model, requests, speculation, batch: 3) == expected)
    }
  }

  @Test
  func `minimum lengths and biases are exact with drafts`() throws {
    let model = try LanguageModel(contentsOf: Self.abacus, options: ModelOptions(threadCount: 1))
    let sampling = SamplingOptions(
      temperature: 0.8, repetitionPenalty: 1.1, seed: 2,
      biases: [TokenBias(token: 40, bias: 1.5), TokenBias(token: 60, bias: -.infinity)])
    let requests = try Self.requests(model, perFile: 2, sampling: sampling, maximumTokens: 30).map {
      request in
      var request = request
      request.minimumTokens = 25
      return request
    }
    let expected = try Self.replies(model, requests, .off, batch: 1)
    #expect(expected.allSatisfy { $0.count >= 25 && !$0.contains(60) })
    for speculation in [Speculation.mtp(depth: 4), .automatic] {
      #expect(try Self.replies(model, requests, speculation, batch: 4) == expected)
    }
  }

  @Test
  func `ids do not depend on the size of prompt chunks`() throws {
    let model = try LanguageModel(contentsOf: Self.abacus, options: ModelOptions(threadCount: 2))
    let requests = try Self.requests(
      model, perFile: 2, sampling: SamplingOptions(temperature: 0.5, seed: 5), maximumTokens: 24)
    let expected = try Self.replies(model, requests, .off, batch: 1)
    for chunk in [1, 3, 7, 64] {
      let engine = DecodingEngine(
        model: model.decoder,
        configuration: EngineConfiguration(
          slotCount: 4, context: 512, threadCount: 2, promptRowsPerStep: chunk))
      for var request in requests {
        request.speculation = .mtp(depth: 2)
        _ = try engine.submit(request)
      }
      #expect(engine.run().map(\.tokens) == expected, "chunks of \(chunk)")
    }
  }
}
