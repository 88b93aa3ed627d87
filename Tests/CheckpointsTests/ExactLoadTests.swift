import Checkpoints
import Testing

@Suite struct ExactLoadTests {
  private func reader(_ tensors: [StoredTensor], config: String = "{}") throws -> TensorReader {
    let folder = try CheckpointFolder(config: config, tensors)
    return TensorReader(checkpoint: try Checkpoint(directory: folder.url))
  }

  private func numbered(_ count: Int) -> [StoredTensor] {
    (0..<count).map { StoredTensor("layers.\($0).weight", [1], [Float($0)]) }
  }

  @Test func `a missing tensor is named with the shape it needs`() throws {
    let reader = try reader(numbered(1))
    expectLoadError(.missing, #"tensor "lm_head.weight": is missing"#, "[5, 7]") {
      try reader.source("lm_head.weight", shape: [5, 7])
    }
    #expect(!reader.has("lm_head.weight"))
    #expect(reader.has("layers.0.weight"))
  }

  @Test(arguments: [[6], [3, 2], [2, 3, 1], [], [2, 4]])
  func `a misshapen tensor is named with both shapes`(shape: [Int]) throws {
    let reader = try reader([StoredTensor("w", [2, 3], [0, 1, 2, 3, 4, 5])])
    expectLoadError(.unsuitable, #"tensor "w""#, "found shape [2, 3]", "accepted: shape \(shape)") {
      try reader.floats("w", shape: shape)
    }
  }

  @Test func `all missing tensors are told at once`() throws {
    let reader = try reader(numbered(2))
    try reader.requireAll((0..<2).map { ("layers.\($0).weight", [1]) })
    expectLoadError(.missing, "13 tensors are missing", #""layers.2.weight""#, "and 3 more") {
      try reader.requireAll((0..<15).map { ("layers.\($0).weight", [1]) })
    }
    expectLoadError(.unsuitable, "2 tensors", "has shape [1], needs shape [2]", "missing, needs shape [3]") {
      try reader.requireAll([("layers.0.weight", [2]), ("x", [3]), ("layers.1.weight", [1])])
    }
    expectLoadError(.missing, #"tensor "x": is missing"#) {
      try reader.requireAll([("x", [3]), ("layers.1.weight", [1])])
    }
    expectLoadError(.unexpected, "2 tensors") { try reader.finish() }
  }

  @Test func `extra tensors are told`() throws {
    let reader = try reader(numbered(14))
    _ = try reader.floats("layers.3.weight", shape: [1])
    expectLoadError(.unexpected, "13 tensors have no place", #""layers.0.weight""#, "and 3 more") {
      try reader.finish()
    }
    for index in 0..<13 { _ = try reader.floats("layers.\(index).weight", shape: [1]) }
    expectLoadError(.unexpected, "1 tensor has no place", #""layers.13.weight""#) { try reader.finish() }
  }

  @Test func `ignored tensors are listed`() throws {
    let reader = try reader(numbered(12) + [StoredTensor("rotary.inv_freq", [1], [1])])
    _ = try reader.floats("layers.1.weight", shape: [1])
    reader.ignore(prefix: "layers.", reason: "beyond this model")
    reader.ignore("rotary.inv_freq", reason: "computed")
    reader.ignore("absent", reason: "computed")
    _ = try reader.floats("layers.0.weight", shape: [1])
    let ignored = try reader.finish()
    #expect(ignored.count == 11)
    #expect(ignored.last?.name == "rotary.inv_freq" && ignored.last?.reason == "computed")
    #expect(!ignored.contains { $0.name == "layers.0.weight" || $0.name == "layers.1.weight" })
  }

  @Test(arguments: ["I8", "U8", "BOOL", "F8_E5M2"])
  func `other element types may be present but are not weights`(type: String) throws {
    let reader = try reader([StoredTensor("w", type, [2], bytes: [0, 1])])
    expectLoadError(.unsupported, #"tensor "w""#, "found \(type)", "F32, F16, BF16, F8_E4M3") {
      try reader.floats("w", shape: [2])
    }
    reader.ignore("w", reason: "not used")
    #expect(try reader.finish().count == 1)
  }

  // MARK: - FP8

  @Test func `an FP8 tensor needs its scales`() throws {
    let weight = StoredTensor("w.weight", "F8_E4M3", [1, 1], bytes: [0x38])
    expectLoadError(.missing, #"tensor "w.weight_scale_inv""#, "128 x 128") {
      try reader([weight]).source("w.weight", shape: [1, 1])
    }
    expectLoadError(.unsuitable, "found F32 [2, 1]", "[1, 1]") {
      try reader([weight, StoredTensor("w.weight_scale_inv", [2, 1], [1, 1])])
        .source("w.weight", shape: [1, 1])
    }
    expectLoadError(.unsuitable, "found U8 [1, 1]") {
      try reader([weight, StoredTensor("w.weight_scale_inv", "U8", [1, 1], bytes: [1])])
        .source("w.weight", shape: [1, 1])
    }
    expectLoadError(.unsupported, "not a matrix") {
      try reader([StoredTensor("w.weight", "F8_E4M3", [1], bytes: [0x38])]).source("w.weight", shape: [1])
    }
  }

  @Test func `scales that nothing uses are extra`() throws {
    let reader = try reader([
      StoredTensor("w.weight", [1, 1], [1]), StoredTensor("w.weight_scale_inv", [1, 1], [1]),
    ])
    _ = try reader.floats("w.weight", shape: [1, 1])
    expectLoadError(.unexpected, "w.weight_scale_inv") { try reader.finish() }
  }

  @Test(arguments: [
    (settings: #"{"quant_method": "awq", "bits": 4}"#, says: #"the string "awq""#),
    (#"{"quant_method": "gptq"}"#, #"the string "gptq""#),
    (#"{"quant_method": "bitsandbytes"}"#, "quant_method"),
    (#"{"quant_method": "compressed-tensors"}"#, #"accepted: no quantization_config, or quant_method "fp8""#),
    (#"{"quant_method": "fp8", "fmt": "e5m2"}"#, "quantization_config.fmt"),
  ])
  func `an unknown quantization is named`(settings: String, says: String) throws {
    expectLoadError(.unsupported, "config.json", "quantization_config", says) {
      try reader([], config: #"{"quantization_config": \#(settings)}"#)
    }
  }

  @Test(arguments: [
    (settings: "{}", kind: LoadError.Kind.missing), ("[]", .unsuitable),
    (#"{"quant_method": 8}"#, .unsuitable),
    (#"{"quant_method": "fp8", "weight_block_size": [128]}"#, .unsuitable),
    (#"{"quant_method": "fp8", "weight_block_size": [0, 128]}"#, .unsuitable),
    (#"{"quant_method": "fp8", "weight_block_size": [128, 1e300]}"#, .unsuitable),
    (#"{"quant_method": "fp8", "weight_block_size": "128"}"#, .unsuitable),
  ])
  func `a broken quantization_config is refused`(settings: String, kind: LoadError.Kind) throws {
    expectLoadError(kind, "quantization_config") {
      try reader([], config: #"{"quantization_config": \#(settings)}"#)
    }
  }
}
