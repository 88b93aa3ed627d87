import Checkpoints
import Foundation
import Models
import Tensors
import Testing

/// What a forward reads and computes, against the parameter counts of published models.
struct StepTrafficTests {
  private static let published = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures/published")

  private func architecture(_ name: String) throws -> any Architecture {
    let file = Self.published.appending(path: name).appending(path: "config.json")
    return try ArchitectureRegistry.architecture(for: try ConfigurationObject(file: file))
  }

  @Test(arguments: [
    "DeepSeek-V3", "DeepSeek-V2-Lite", "Mixtral-8x7B-v0.1", "Qwen3-30B-A3B", "Qwen1.5-MoE-A2.7B",
    "Llama-3.2-1B",
  ])
  func `one row reads and multiplies the active parameters but the embedding`(_ name: String) throws {
    let architecture = try architecture(name)
    let summary = ParameterSummary(architecture.parameters, description: architecture.description)
    let read = summary.active - (summary.outputHead > 0 ? summary.embedding : 0)
    let traffic = StepTraffic(architecture, format: .f32)
    #expect(traffic.weightBytes(distinctExperts: Double(traffic.expertsOfOneRow)) == Double(4 * read))
    #expect(traffic.layerMultiplyAdds + traffic.outputMultiplyAdds == read)
  }

  @Test
  func `rows of a prompt leave out the last layer where no head wants them`() throws {
    let mixtral = StepTraffic(try architecture("Mixtral-8x7B-v0.1"), format: .bf16)
    // Queries, output, router, two norms, two experts of three matrices.
    let last = 2 * 4096 * 4096 + 8 * 4096 + 2 * 4096 + 2 * 3 * 4096 * 14336
    #expect(mixtral.lastLayerMultiplyAdds == last)
    let rows = 100.0 * Double(mixtral.layerMultiplyAdds) - 99.0 * Double(last)
    // Scores and values of 4096 columns; of the last layer for the last row alone.
    let attention = 2.0 * 4096 * (31 * 5050 + 100)
    #expect(
      mixtral.promptMultiplyAdds(tokenCount: 100) == rows + Double(mixtral.outputMultiplyAdds) + attention)
    let deepseek = StepTraffic(try architecture("DeepSeek-V3"), format: .bf16)
    #expect(
      deepseek.promptMultiplyAdds(tokenCount: 100)
        == 100.0 * Double(deepseek.layerMultiplyAdds) + Double(deepseek.outputMultiplyAdds)
        + 61 * 128 * (576 + 512) * 5050)
  }

  @Test
  func `rows after a context attend to all of it, or to their window`() throws {
    for name in ["Mixtral-8x7B-v0.1", "DeepSeek-V3"] {
      let traffic = StepTraffic(try architecture(name), format: .bf16)
      let perPosition = name == "DeepSeek-V3" ? 61.0 * 128 * (576 + 512) : 32 * 2 * 4096
      let products = Double(traffic.layerMultiplyAdds + traffic.outputMultiplyAdds)
      #expect(
        traffic.stepMultiplyAdds(rowCount: 3, positionCount: 1000)
          == 3 * products + perPosition * (998 + 999 + 1000))
    }
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    let text =
      #"{"model_type":"mixtral","vocab_size":32,"hidden_size":64,"intermediate_size":32,"num_attention_heads":4,"#
      + #""num_hidden_layers":2,"num_local_experts":2,"num_experts_per_tok":1,"sliding_window":10,"max_position_embeddings":64}"#
    try Data(text.utf8).write(to: file)
    let traffic = StepTraffic(
      try ArchitectureRegistry.architecture(for: try ConfigurationObject(file: file)), format: .bf16)
    let products = Double(traffic.layerMultiplyAdds + traffic.outputMultiplyAdds)
    #expect(
      traffic.stepMultiplyAdds(rowCount: 4, positionCount: 11) == 4 * products + 2 * 2 * 64
        * (8 + 9 + 10 + 10))
    #expect(traffic.stepMultiplyAdds(rowCount: 2, positionCount: 500) == 2 * products + 2 * 2 * 64 * 20)
  }

  @Test
  func `the cache is read for each position`() throws {
    let traffic = StepTraffic(try architecture("Mixtral-8x7B-v0.1"), format: .bf16)
    let one = traffic.cacheBytes(positionCount: 1)
    #expect(one == 32 * 2 * 8 * 128 * 4)  // layers, keys and values, heads, width, f32
    #expect(traffic.cacheBytes(positionCount: 1000) == 1000 * one)
    let halves = StepTraffic(
      try architecture("Mixtral-8x7B-v0.1"), format: .bf16,
      cacheBytes: Array(repeating: 2 * 8 * 128 * 2, count: 32))
    #expect(halves.cacheBytes(positionCount: 1000) == 500 * one)
  }

  @Test
  func `a rotary table beyond any model's is refused`() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    let text =
      #"{"model_type":"llama","vocab_size":4,"hidden_size":1,"intermediate_size":1,"num_hidden_layers":1,"#
      + #""num_attention_heads":1,"num_key_value_heads":1,"head_dim":8192,"max_position_embeddings":1073741824}"#
    try Data(text.utf8).write(to: file)
    let configuration = try ConfigurationObject(file: file)
    #expect(throws: LoadError.self) {
      try ArchitectureRegistry.randomModel(
        configuration, options: LoadOptions(format: .f32, contextLength: 1 << 18))
    }
  }

  @Test
  func `a workspace counts the experts of the last forward`() throws {
    let fixture = Self.published.deletingLastPathComponent().appending(path: "deepseek-v3/plain-f32")
    let configuration = try Checkpoint.configurationOnly(directory: fixture)
    let model = try ArchitectureRegistry.randomModel(
      configuration, options: LoadOptions(format: .f32, contextLength: 32))
    let pool = WorkerPool(threadCount: 2, bindsThreads: false)
    let cache = model.makeCache(slotCount: 1, capacity: 32)
    let workspace = model.makeWorkspace(maximumRows: 16, maximumOutputRows: 1, workerCount: 2)
    var counts: [Int] = []
    for rowCount in [1, 16, 1] {
      let rows = StepRows(capacity: rowCount)
      for row in 0..<rowCount { rows.append(token: Int32(7 * row), position: row, slot: 0) }
      model.forward(
        rows, outputs: IndexList([0]), cache: cache, workspace: workspace, pool: pool, kernels: .best)
      #expect(workspace.expertReads.layers == 1)
      counts.append(workspace.expertReads.experts)
    }
    #expect(counts[0] == 2 && counts[1] > 2 && counts[1] <= 6 && counts[2] == 2)
  }
}
