import CAllocationCounter
import Checkpoints
import Foundation
import Models
import Tensors
import Testing

@testable import Decoding

/// A steady step allocates nothing: buffers are planned once.
@Suite(.serialized)
struct AllocationTests {
  private func engine(
    _ speculation: Speculation, _ sampling: SamplingOptions, fixture: String, conversing: Bool
  ) throws -> DecodingEngine {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/deepseek-v3/\(fixture)")
    let model = try ArchitectureRegistry.load(
      Checkpoint(directory: folder), options: LoadOptions(format: .f32, contextLength: 512)
    ).model
    let engine = DecodingEngine(
      model: model, configuration: EngineConfiguration(slotCount: 2, context: 400, threadCount: 1))
    for start: Int32 in [3, 50] {
      var request = GenerationRequest(
        promptTokens: [start, 5, 7, 9, 11, start], maximumTokens: 390, sampling: sampling,
        speculation: speculation)
      request.conversation = conversing ? ConversationHandle() : nil
      _ = try engine.submit(request)
    }
    return engine
  }

  /// Allocations that `body` makes on this thread, where an engine of one thread does everything.
  private func allocations(_ body: () -> Void) -> Int {
    allocation_counter_start()
    body()
    return allocation_counter_stop()
  }

  @Test
  func `the counter counts`() {
    var kept: [[Int]] = []
    let count = allocations { for size in 1...10 { kept.append(Array(repeating: 1, count: size)) } }
    #expect(count >= 10)
    #expect(kept.count == 10)
  }

  @Test(
    arguments: [Speculation.off, .mtp(depth: 3), .lookup(depth: 4), .automatic],
    [("plain-f32", false), ("plain-f32", true), ("three-heads-bf16", false), ("three-heads-bf16", true)])
  func `steady steps allocate nothing`(speculation: Speculation, model: (fixture: String, conversing: Bool))
    throws
  {
    for sampling in [SamplingOptions(), SamplingOptions(temperature: 0.8, topK: 20, topP: 0.9, seed: 1)] {
      let engine = try engine(
        speculation, sampling, fixture: model.fixture, conversing: model.conversing)
      for _ in 0..<12 { _ = engine.step() }
      for _ in 0..<8 where !engine.isIdle {
        let count = allocations { for _ in 0..<4 { _ = engine.step() } }
        if !engine.isIdle {
          #expect(count == 0, "\(speculation), temperature \(sampling.temperature)")
        }
      }
    }
  }
}
