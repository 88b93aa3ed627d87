import Decoding
import Foundation
import Models
import Tensors
import Testing

/// Keys and values in f32, bf16 and int8, on every kernel set: whatever holds them, no token depends on company.
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
      let model = loaded.caching(as: combination.format)
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
  func `a cache in bf16 takes half the memory of one in f32`() throws {
    let fixture = OracleFixture(directory: OracleFixture.root.appending(path: "mixtral/plain-f32"))
    let wide = try fixture.model(.f32)
    let floats = wide.cacheBytesByLayer
    #expect(wide.caching(as: .f32).cacheBytesByLayer == floats)
    let halves = wide.caching(as: .bf16).cacheBytesByLayer
    #expect(halves.count == floats.count)
    // Keys stand in pieces of 32 columns, values in pieces of 16; heads of this small model are narrower than either.
    #expect(zip(halves, floats).allSatisfy { $0 <= $1 })
    #expect(
      wide.caching(as: .bf16).makeCache(slotCount: 1, capacity: 64).byteCount(positionCount: 64)
        == 64 * halves.reduce(0, +))
    #expect(try fixture.model(.int8).cacheBytesByLayer == halves, "beside narrow weights by itself")
    #expect(
      GroupedCache.floatCount(width: 128, capacity: 64, format: .tiles(.bf16)) * 2
        == GroupedCache.floatCount(width: 128, capacity: 64, format: .floats))
  }

  @Test
  func `a cache in int8 takes a byte for a number and four for a scale`() throws {
    let fixture = OracleFixture(directory: OracleFixture.root.appending(path: "mixtral/plain-f32"))
    let model = try fixture.model(.f32).caching(as: .int8)
    let bytes = model.cacheBytesByLayer
    #expect(zip(bytes, try fixture.model(.f32).caching(as: .bf16).cacheBytesByLayer).allSatisfy { $0 < $1 })
    #expect(
      model.makeCache(slotCount: 1, capacity: 64).byteCount(positionCount: 64) == 64 * bytes.reduce(0, +))
    // Two scales for the columns of a key, one for a value.
    #expect(
      GroupedCache.floatCount(width: 128, capacity: 64, format: .tiles(.int8)) * 4 == 64 * (2 * 128 + 3 * 4))
    #expect(
      LatentCache.floatCount(rank: 512, rope: 64, capacity: 64, format: .int8) * 4
        == 64 * (576 + 9 * 4 + 512 + 4))
  }
}
