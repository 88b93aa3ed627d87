import Foundation
import Testing

struct GenerateTests {
  @Test
  func `JSON has every field of the contract`() throws {
    let outcome = try Command.run([
      "generate", "What is 12 + 7?", "--json", "--max-tokens", "40", "--speculation", "mtp", "--depth", "3",
    ])
    #expect(outcome.status == 0)
    let document = try outcome.json()
    #expect(document["schema"] as? String == "fusionspec.generate/1")
    #expect(document["model"] as? String == "Abacus")
    for key in [
      "id", "weights", "isa", "prompt_token_ids", "token_ids", "text", "thinking_text", "thinking",
      "finish_reason",
      "usage", "speculation", "timings",
    ] {
      #expect(document.keys.contains(key), "\(key)")
    }
    let speculation = try #require(document["speculation"] as? [String: Any])
    for key in [
      "requested", "depth", "num_drafts", "num_draft_tokens", "num_accepted_tokens", "acceptance_rate",
      "mean_acceptance_length", "accepted_per_position", "drafted_per_position", "by_phase", "plain_steps",
      "disabled_reason",
    ] {
      #expect(speculation.keys.contains(key), "\(key)")
    }
    let phases = try #require(speculation["by_phase"] as? [String: [String: Any]])
    #expect(Set(phases.keys) == ["thinking", "answer"])
    let total = phases.values.compactMap { $0["num_draft_tokens"] as? Int }.reduce(0, +)
    #expect(total == speculation["num_draft_tokens"] as? Int)
    let timings = try #require(document["timings"] as? [String: Any])
    for key in [
      "load_ms", "prefill_ms", "decode_ms", "tokens_per_second", "steps", "framework_overhead_us_per_step",
    ] {
      #expect(timings.keys.contains(key), "\(key)")
    }
    let usage = try #require(document["usage"] as? [String: Int])
    #expect(usage["completion_tokens"] == (document["token_ids"] as? [Int])?.count)
  }

  @Test
  func `the plainest kernel set takes every format of the cache`() throws {
    let prompt = ["generate", "What is 12 + 7?", "--thinking", "fast", "--isa", "scalar", "--kv-cache"]
    for format in ["auto", "f32", "bf16", "int8"] {
      let held = try Command.run(prompt + [format])
      #expect(held.status == 0 && !held.output.isEmpty, "\(format)")
    }
  }

  @Test
  func `streamed text equals the JSON's`() throws {
    let prompt = ["generate", "What is 12 + 7?", "--max-tokens", "60", "--thinking", "fast"]
    let streamed = try Command.run(prompt)
    let document = try Command.run(prompt + ["--json"]).json()
    #expect(streamed.status == 0)
    #expect(streamed.output == (document["text"] as? String ?? "") + "\n")
    #expect(streamed.errors.contains("tokens"))
  }

  @Test
  func `a prompts file gives one line each in input order`() throws {
    let lines = [
      #"{"id": "a", "prompt": "1 + 1"}"#, #"{"id": 2, "messages": [{"role": "user", "content": "2 + 2"}]}"#,
      "",
    ]
    .joined(separator: "\n")
    let file = FileManager.default.temporaryDirectory.appending(path: "prompts-\(UUID().uuidString).jsonl")
    try lines.write(to: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: file) }
    let outcome = try Command.run(["generate", "--prompts", file.path, "--batch", "2", "--max-tokens", "8"])
    #expect(outcome.status == 0)
    let ids = try outcome.output.split(separator: "\n").map {
      (try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])?["id"] as? String
    }
    #expect(ids == ["a", "2"])
  }

  @Test
  func `a stop string ends the text before it, with the same ids for every drafter`() throws {
    let base = ["generate", "Tell me a story about a cat.", "--json", "--max-tokens", "60", "--stop", "the"]
    let plain = try Command.run(base + ["--speculation", "off"]).json()
    let drafted = try Command.run(base + ["--speculation", "mtp", "--depth", "4"]).json()
    #expect(plain["token_ids"] as? [Int] == drafted["token_ids"] as? [Int])
    #expect(plain["text"] as? String == drafted["text"] as? String)
    if plain["finish_reason"] as? String == "stop" {
      #expect(!(plain["text"] as? String ?? "the").contains("the"))
    }
  }

  @Test
  func `the runtime's choice and its reason are in the result`() throws {
    let base = [
      "generate", "What is 347 * 28?", "--thinking", "auto", "--auto-thinking", "runtime", "--json",
    ]
    for (threshold, used, sign) in [("1", "slow", "<"), ("0", "fast", "≥")] {
      let document = try Command.run(base + ["--auto-threshold", threshold]).json()
      let thinking = try #require(document["thinking"] as? [String: Any])
      #expect(thinking["requested"] as? String == "auto")
      #expect(thinking["used"] as? String == used)
      let reason = try #require(thinking["reason"] as? String)
      #expect(reason.hasPrefix("runtime: confidence 0.") && reason.contains(" \(sign) "))
      #expect(document["thinking_text"] is NSNull == (used == "fast"))
      #expect((thinking["dropped_tokens"] as? Int ?? 0 > 0) == (used == "slow"))
    }
    let shown = try Command.run(base.filter { $0 != "--json" } + ["--auto-threshold", "1"])
    #expect(shown.errors.contains("thinking slow") && shown.errors.contains("runtime: confidence"))
    let fast = try Command.run(["generate", "1 + 1", "--thinking", "fast", "--json"]).json()
    #expect((fast["thinking"] as? [String: Any])?["reason"] as? String == "requested")
  }

  @Test
  func `a profile given as a file replaces the model's own`() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "profile-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    let json = #"{"name": "mine", "open": "<think>", "close": "</think>", "switch": {"fixed": "slow"}}"#
    try json.write(to: file, atomically: true, encoding: .utf8)
    let document = try Command.run(["inspect", "--thinking-profile", file.path, "--json"]).json()
    #expect((document["thinking_profile"] as? [String: Any])?["name"] as? String == "mine")
    let refused = try Command.run(
      ["generate", "1 + 1", "--thinking", "fast", "--thinking-profile", file.path])
    #expect(refused.status == 64)
    #expect(refused.errors.contains("has slow"))
    let missing = try Command.run(["generate", "1 + 1", "--thinking-profile", "/nonexistent.json"])
    #expect(missing.status == 1)
    #expect(missing.errors.contains("/nonexistent.json"))
  }

  @Test
  func `a bridge is forced in front of the marker and is part of the thoughts`() throws {
    let document = try Command.run([
      "generate", "What is 347 * 28?", "--thinking", "slow", "--thinking-budget", "6", "--thinking-bridge",
      " Enough.",
      "--json",
    ]).json()
    #expect((document["thinking_text"] as? String)?.hasSuffix(" Enough.") == true)
    #expect((document["usage"] as? [String: Int])?["reasoning_tokens"] == 6)
    #expect((document["text"] as? String)?.isEmpty == false)
  }

  @Test
  func `token ids work without a tokenizer`() throws {
    let outcome = try Command.run(
      ["generate", "--token-ids", "3,5,7", "--json", "--max-tokens", "6", "--ignore-eos"],
      model: Command.fixture.path)
    #expect(outcome.status == 0)
    let document = try outcome.json()
    #expect((document["token_ids"] as? [Int])?.count == 6)
    #expect(document["text"] is NSNull)
  }

  @Test
  func `score writes logits of the promised shapes`() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "dump-\(UUID().uuidString).safetensors")
    defer { try? FileManager.default.removeItem(at: file) }
    let outcome = try Command.run(
      ["score", "--token-ids", "3,5,7,9", "--json", "--weights", "f32", "--dump", file.path],
      model: Command.fixture.path)
    #expect(outcome.status == 0)
    let document = try outcome.json()
    #expect((document["logprobs"] as? [Any])?.count == 4)
    let data = try Data(contentsOf: file)
    let length = data.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
    let header = try #require(
      try JSONSerialization.jsonObject(with: data[8..<8 + length]) as? [String: [String: Any]])
    #expect(header["logits"]?["shape"] as? [Int] == [4, 120])
    #expect(header["mtp_logits"]?["shape"] as? [Int] == [1, 3, 120])
  }

  @Test
  func `tokenize round-trips through ids`() throws {
    let text = "What is 12 + 7? 你好"
    let document = try Command.run(["tokenize", text, "--json"]).json()
    let ids = try #require(document["token_ids"] as? [Int])
    let back = try Command.run(["tokenize", "--ids", ids.map(String.init).joined(separator: ",")])
    #expect(back.output == text + "\n")
  }

  @Test
  func `every command takes the shared options`() throws {
    let shared = [
      "--weights", "int8", "--threads", "1", "--isa", "scalar", "--context", "256", "--color", "never",
    ]
    for arguments in [
      ["inspect"], ["tokenize", "a"], ["score", "--text", "a"], ["generate", "a", "--max-tokens", "1"],
    ] {
      let outcome = try Command.run(arguments + shared)
      #expect(outcome.status == 0, "\(arguments): \(outcome.errors)")
    }
    let memory = try Command.run(["inspect", "--json"] + shared).json()["memory"] as? [String: Any]
    let needed = try #require(memory?["needed"] as? [String: Any])
    #expect(needed["weights"] as? String == "int8")
    #expect(needed["context"] as? Int == 256)
    let weights = try #require(memory?["weights"] as? [String: Int])
    #expect((needed["bytes"] as? Int ?? 0) > (weights["int8"] ?? 0))
  }

  @Test
  func `inspect names the parts of the sample`() throws {
    let document = try Command.run(["inspect", "--json"]).json()
    #expect(document["model_type"] as? String == "deepseek_v3")
    #expect(document["mtp_heads"] as? Int == 1)
    #expect((document["thinking_profile"] as? [String: Any])?["default"] as? String == "slow")
    let profile = try #require(document["thinking_profile"] as? [String: Any])
    #expect(profile["name"] as? String == "Abacus")
    #expect(profile["modes"] as? [String] == ["fast", "slow", "auto"])
    #expect(profile["open_id"] as? Int == 7)
    #expect((profile["switch"] as? [String: Any])?["variable"] as? String == "thinking")
    let text = try Command.run(["inspect"]).output
    #expect(text.contains("slow (default)") && text.contains("<think> (7)"))
    let parameters = try #require(document["parameters"] as? [String: Int])
    #expect((parameters["total"] ?? 0) > (parameters["active"] ?? 0))
    let memory = try #require(document["memory"] as? [String: Any])
    let cache = try #require(memory["cache_bytes_per_position_by_format"] as? [String: Int])
    #expect(cache["f32"] == memory["cache_bytes_per_position"] as? Int)
    #expect(Set(cache.keys) == ["f32", "bf16", "int8"])
    #expect((cache["int8"] ?? 0) < (cache["bf16"] ?? 0))
  }
}
