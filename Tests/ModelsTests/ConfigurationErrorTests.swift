import Checkpoints
import Foundation
import Models
import Testing

/// What cannot be opened is named: the file, the key, what was found, what is accepted.
struct ConfigurationErrorTests {
  /// A change to a published configuration that the family does not support, and the key that the error must name.
  struct Change: Sendable, CustomTestStringConvertible {
    let model: String
    let key: String
    let json: String
    let found: String
    var testDescription: String { "\(model), \(key): \(json)" }

    init(_ model: String, _ key: String, _ json: String, found: String? = nil) {
      self.model = model
      self.key = key
      self.json = json
      self.found = found ?? json
    }
  }

  static let changes = [
    Change("Mixtral-8x7B-v0.1", "hidden_act", "\"gelu\""),
    Change("Mixtral-8x7B-v0.1", "num_experts_per_tok", "9"),
    Change("Mixtral-8x7B-v0.1", "num_key_value_heads", "5"),
    Change("Llama-3.1-8B", "mlp_bias", "true"),
    Change("Llama-3.1-8B", "partial_rotary_factor", "0.5"),
    Change("Llama-3.1-8B", "rope_scaling", #"{"rope_type": "longrope", "factor": 4}"#, found: "\"longrope\""),
    Change("Llama-3.1-8B", "rope_scaling", #"{"type": "dynamic", "factor": 4}"#, found: "\"dynamic\""),
    Change("Llama-3.1-8B", "rope_scaling", #"{"type": "linear"}"#, found: ""),
    Change("deepseek-moe-16b-base", "scoring_func", "\"sigmoid\""),
    Change("deepseek-moe-16b-base", "moe_layer_freq", "2"),
    Change("DeepSeek-V2", "topk_method", "\"noaux_tc\""),
    Change("DeepSeek-V2", "n_group", "7"),
    Change("DeepSeek-V2", "topk_group", "9"),
    Change("DeepSeek-V3", "topk_method", "\"greedy\""),
    Change("DeepSeek-V3", "num_nextn_predict_layers", "9"),
    Change("DeepSeek-V3", "qk_rope_head_dim", "63"),
    Change("GLM-4.5", "num_nextn_predict_layers", "-1"),
    Change("MiMo-7B-Base", "use_sliding_window", "true"),
    Change("Pangu-Pro-MoE-72B", "num_experts_per_tok", "7"),
    Change("openPangu-Ultra-MoE-718B", "rope_scaling", #"{"type": "yarn", "factor": 4}"#, found: "\"yarn\""),
    Change("Qwen2.5-7B", "layer_types", #"["chunked_attention"]"#, found: ""),
    Change("Qwen3-8B", "layer_types", #"["full_attention"]"#, found: ""),
    Change("Qwen3-8B", "hidden_size", "\"large\""),
    Change("Qwen3-8B", "rope_parameters", #"{"full_attention": {"rope_theta": 10000}}"#, found: ""),
  ]

  @Test(arguments: changes)
  func `an unsupported option is named`(_ change: Change) throws {
    let error = try #require(throws: LoadError.self) { try open(change.model, [change.key: change.json]) }
    #expect(error.description.contains("config.json"))
    #expect(error.description.contains(change.key), "\(error)")
    #expect(change.found.isEmpty || error.description.contains(change.found), "\(error)")
    #expect(error.accepted != nil)
  }

  @Test func `an unknown model type lists what is supported`() throws {
    let error = try #require(throws: LoadError.self) { try open("Qwen3-8B", ["model_type": "\"mamba\""]) }
    #expect(error.kind == .unsupported)
    #expect(error.description.contains("\"mamba\""))
    for type in ArchitectureRegistry.modelTypes { #expect(error.description.contains(type)) }
  }

  @Test func `architectures names the family where model_type is missing`() throws {
    try open("Qwen3-8B", ["model_type": "null"])
    let error = try #require(throws: LoadError.self) {
      try open("Qwen3-8B", ["model_type": "null", "architectures": #"["MambaForCausalLM"]"#])
    }
    #expect(error.description.contains("model_type"))
  }

  @Test func `model types are those of the published files and stand for one family each`() {
    let expected = [
      "mixtral", "deepseek", "qwen2_moe", "qwen3_moe", "deepseek_v2", "deepseek_v3", "PanguProMoE",
      "PanguEmbedded",
      "pangu_ultra_moe", "glm4_moe", "mimo", "llama", "qwen2", "qwen3",
    ]
    #expect(ArchitectureRegistry.modelTypes.sorted() == expected.sorted())
  }

  @Test(arguments: ["awq", "gptq", "bitsandbytes", "compressed-tensors"])
  func `a quantization method that is not read is named`(_ method: String) throws {
    let configuration = try changed("Qwen3-8B", ["quantization_config": #"{"quant_method": "\#(method)"}"#])
    let error = try #require(throws: LoadError.self) { try BlockQuantization(configuration: configuration) }
    #expect(error.description.contains("quantization_config.quant_method"))
    #expect(error.description.contains(method))
  }

  private func open(_ model: String, _ changes: [String: String]) throws {
    _ = try ArchitectureRegistry.architecture(for: try changed(model, changes))
  }

  /// A published configuration with some keys replaced by JSON values.
  private func changed(_ model: String, _ changes: [String: String]) throws -> ConfigurationObject {
    let file = OracleFixture.root.appending(path: "published/\(model)/config.json")
    var members = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any] ?? [:]
    for (key, json) in changes {
      members[key] = try JSONSerialization.jsonObject(with: Data(json.utf8), options: .fragmentsAllowed)
    }
    return try ConfigurationObject(json: JSONSerialization.data(withJSONObject: members), file: "config.json")
  }
}
