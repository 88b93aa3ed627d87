import Checkpoints
import Decoding
import Foundation
import Models
import Tensors
import Testing

/// What follows from a blueprint besides numbers: the account of tensors, and what a model says of itself.
struct BlueprintTests {
  @Test(arguments: OracleFixture.all)
  func `a checkpoint's tensors are all accounted for`(_ fixture: OracleFixture) throws {
    let checkpoint = try Checkpoint(directory: fixture.directory)
    let (model, ignored) = try ArchitectureRegistry.load(
      checkpoint, options: LoadOptions(format: .bf16, contextLength: 64))
    let architecture = try ArchitectureRegistry.architecture(for: checkpoint)
    let expected = Set(architecture.parameters.map(\.name))
    #expect(expected.count == architecture.parameters.count, "a name stands twice")
    let others = checkpoint.tensors.keys.filter {
      !expected.contains($0) && !$0.hasSuffix("weight_scale_inv")
    }
    #expect(Set(others) == Set(ignored.map(\.name)))
    #expect(ignored.allSatisfy { !$0.reason.isEmpty })
    let cache = model.makeCache(slotCount: 1, capacity: 8)
    let positionBytes = model.description.cacheBytesPerPosition(model.heldCacheFormat)
    #expect(positionBytes > 0 && cache.byteCount(positionCount: 64) == 64 * positionBytes)
  }

  @Test func `an engine takes no more positions than its model was loaded for`() throws {
    let fixture = OracleFixture(directory: OracleFixture.root.appending(path: "mixtral/plain-f32"))
    let model = try fixture.model()
    let engine = DecodingEngine(
      model: model, configuration: EngineConfiguration(context: model.contextCapacity + 99, threadCount: 1))
    func request(_ count: Int) -> GenerationRequest {
      GenerationRequest(promptTokens: Array(repeating: 3, count: count), maximumTokens: 4, speculation: .off)
    }
    #expect(throws: RequestError.self) { try engine.submit(request(model.contextCapacity + 1)) }
    _ = try engine.submit(request(model.contextCapacity - 2))
    #expect(engine.run().map(\.tokens.count) == [2])
  }

  @Test func `a model without a head refuses MTP drafts and says why`() throws {
    let fixture = OracleFixture(directory: OracleFixture.root.appending(path: "mixtral/plain-f32"))
    let engine = DecodingEngine(
      model: try fixture.model(), configuration: EngineConfiguration(context: 64, threadCount: 1))
    let request = GenerationRequest(promptTokens: [3, 4], maximumTokens: 4, speculation: .mtp(depth: 1))
    let error = try #require(throws: RequestError.self) { try engine.submit(request) }
    #expect("\(error)".contains("multi-token-prediction"))
  }

  @Test func `a checkpoint without the head that its configuration names is a model without a head`() throws {
    let file = OracleFixture.root.appending(path: "published/GLM-4.5/config.json")
    let configuration = try ConfigurationObject(file: file)
    let architecture = try ArchitectureRegistry.architecture(for: configuration) {
      !$0.contains("layers.92.")
    }
    #expect(architecture.description.mtpHeadCount == 0)
    #expect(architecture.description.mtpAbsence == "the checkpoint leaves it out")
    #expect(!architecture.parameters.contains { $0.isMTP })
  }

  @Test func `descriptions name what a family is made of`() throws {
    func description(_ model: String) throws -> ModelDescription {
      try PublishedModel(model, .init("1")).architecture().description
    }
    #expect(try description("DeepSeek-V2").router == "softmax, top 6 of 160, 3 of 8 groups, 2 shared")
    #expect(try description("DeepSeek-V2").attention == "latent, 128 heads, rank 512")
    #expect(try description("Mixtral-8x7B-v0.1").attention == "grouped, 32 heads, 8 key-value heads")
    #expect(try description("Qwen3-8B").router == nil)
    #expect(try description("Qwen3-8B").mtpAbsence == "models of this type have none")
    #expect(try description("GLM-4.5").mtpAbsence == nil)
    #expect(
      try description("Pangu-Pro-MoE-72B").router == "softmax, the best of each of 8 groups of 8, 1 shared")
    #expect(try description("GLM-4.5").endOfSequenceTokens == [151329, 151336, 151338])
  }
}

/// Models of made-up weights, for measurements.
struct RandomModelTests {
  @Test(arguments: [
    "mixtral/plain-f32", "pangu-ultra-moe/sandwich-bf16", "qwen2-moe/plain-bf16", "mimo/odd-f32",
  ])
  func `a configuration alone gives a model that decodes, the same each time`(_ name: String) throws {
    let file = OracleFixture.root.appending(path: name + "/config.json")
    let configuration = try ConfigurationObject(file: file)
    let options = LoadOptions(format: .bf16, contextLength: 64)
    func reply(seed: UInt64) throws -> [Int32] {
      let model = try ArchitectureRegistry.randomModel(configuration, options: options, seed: seed)
      let engine = DecodingEngine(
        model: model, configuration: EngineConfiguration(context: 64, threadCount: 1))
      _ = try engine.submit(GenerationRequest(promptTokens: [3, 4, 5], maximumTokens: 24))
      return engine.run().flatMap(\.tokens)
    }
    #expect(try reply(seed: 1) == reply(seed: 1))
    #expect(try reply(seed: 1) != reply(seed: 2))
  }
}
