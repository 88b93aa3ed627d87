import Decoding
import Foundation
import Models
import Tensors
import Testing

/// Keys and values in f32 and in bf16, on every kernel set: whatever holds them, no token depends on company.
struct CacheFormatTests {
  static let fixtures = OracleFixture.all.filter {
    ["mixtral", "mimo", "deepseek-v3", "pangu-pro-moe"].contains($0.family)
  }
  static let combinations = KernelSet.available.flatMap { set in
    CacheFormat.allCases.map { (set.name, $0) }
  }

  @Test(arguments: fixtures, combinations)
  func `speculation, batch, chunks and threads change no token`(
    _ fixture: OracleFixture, combination: (set: String, format: CacheFormat)
  ) throws {
    let kernels = try #require(KernelSet.named(combination.set))
    let record = try fixture.record()
    for weights in [WeightFormat.f32, .bf16] {
      let loaded = try fixture.model(weights)
      guard let model = loaded.caching(as: combination.format, kernels: kernels) else {
        #expect(combination.format == .bf16 && !kernels.hasAttentionTiles)
        continue
      }
      let prompts = (0..<3).map { Array(record.prompt_token_ids.dropFirst(2 * $0)) }
      func run(_ speculation: Speculation, batch: Int, threads: Int, chunk: Int) throws -> [[Int32]] {
        let engine = DecodingEngine(
          model: model,
          configuration: EngineConfiguration(
            slotCount: batch, context: 96, threadCount: threads, kernels: kernels, promptRowsPerStep: chunk))
        for prompt in prompts {
          _ = try engine.submit(
            GenerationRequest(promptTokens: prompt, maximumTokens: 30, speculation: speculation))
        }
        return engine.run().map(\.tokens)
      }
      let plain = try run(.off, batch: 1, threads: 1, chunk: 64)
      #expect(try run(.automatic, batch: 3, threads: 2, chunk: 7) == plain, "\(weights)")
      #expect(try run(.lookup(depth: 4), batch: 1, threads: 2, chunk: 64) == plain, "\(weights)")
    }
  }

  @Test
  func `a cache in bf16 takes half the memory`() throws {
    let fixture = OracleFixture(directory: OracleFixture.root.appending(path: "mixtral/plain-f32"))
    let model = try fixture.model(.f32)
    for kernels in KernelSet.available {
      let floats = model.cacheBytesByLayer(kernels: kernels)
      #expect(model.caching(as: .f32, kernels: kernels)?.cacheBytesByLayer(kernels: kernels) == floats)
      let halves = try #require(model.caching(as: .bf16, kernels: kernels))
      let found = halves.cacheBytesByLayer(kernels: kernels)
      #expect(found.count == floats.count)
      // Tiles are 32 numbers wide; heads of these small models are not.
      let most = kernels.hasAttentionTiles ? floats : floats.map { $0 / 2 }
      #expect(zip(found, most).allSatisfy { $0 <= $1 }, "\(kernels.name)")
      #expect(
        halves.makeCache(slotCount: 1, capacity: 64, kernels: kernels).byteCount(positionCount: 64)
          == 64 * found.reduce(0, +))
    }
    let narrow = try fixture.model(.int8)
    let scalar = try #require(KernelSet.named("scalar"))
    #expect(
      narrow.cacheBytesByLayer(kernels: scalar) == model.cacheBytesByLayer(kernels: scalar).map { $0 / 2 })
  }
}
