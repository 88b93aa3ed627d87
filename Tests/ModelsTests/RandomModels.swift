import Checkpoints
import Decoding
import Foundation
import Models
import Tensors
import Testing

/// A model with made-up weights, of a fixture's configuration with some members changed.
func randomModel(
  fixture: String, changes: [String: Any], format: WeightFormat, context: Int, seed: UInt64
) throws -> DecoderModel {
  let file = OracleFixture.root.appending(path: fixture + "/config.json")
  var members = try #require(
    try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
  members["max_position_embeddings"] = context
  members.merge(changes) { $1 }
  let changed = try JSONSerialization.data(withJSONObject: members)
  return try ArchitectureRegistry.randomModel(
    try ConfigurationObject(json: changed, file: "config.json"),
    options: LoadOptions(format: format, contextLength: context), seed: seed)
}

/// The tokens of sampled replies to some prompts, `batch` at a time.
func sampledReplies(
  _ model: DecoderModel, _ prompts: [[Int32]], count: Int, seed: UInt64, _ speculation: Speculation,
  batch: Int, threads: Int, chunk: Int, kernels: KernelSet, context: Int
) throws -> [[Int32]] {
  let engine = DecodingEngine(
    model: model,
    configuration: EngineConfiguration(
      slotCount: batch, context: context, threadCount: threads, kernels: kernels, promptRowsPerStep: chunk))
  for prompt in prompts {
    _ = try engine.submit(
      GenerationRequest(
        promptTokens: prompt, maximumTokens: count, sampling: SamplingOptions(temperature: 0.7, seed: seed),
        speculation: speculation))
  }
  return engine.run().map(\.tokens)
}
