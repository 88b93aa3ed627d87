import ChatTemplates
import Checkpoints
import Foundation
import Testing

@testable import FusionSpec
@testable import Models
@testable import Tokenization

/// Profiles found from what folders say, and prompts in each mode, compared with what Python renders.
struct ThinkingProfileTests {
  static let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  static let templates = tests.appending(path: "ChatTemplatesTests/Fixtures")

  struct Family: Decodable, Sendable, CustomTestStringConvertible {
    struct Case: Decodable, Sendable {
      let conversation: [ChatMessage]
      let mode: String
      let text: String
      let starts_in_thoughts: Bool
    }
    let family: String?
    let template: String?
    let model_type: String
    let layers: Int
    let modes: [String]
    let cases: [Case]
    var testDescription: String { family ?? template ?? "" }
  }

  static func families() throws -> [Family] {
    try JSONDecoder().decode(
      [Family].self, from: Data(contentsOf: templates.appending(path: "thinking.json")))
  }

  /// A folder's text side: a small tokenizer with the special tokens of all families, and a chat template.
  static func processor(template: String?, without removed: Set<String> = []) throws -> TextProcessor {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.copyItem(
      at: tests.appending(path: "TokenizationTests/Fixtures/sentencepiece-bpe.model"),
      to: folder.appending(path: "tokenizer.model"))
    let special = [
      "[unused9]", "[unused10]", "[unused16]", "[unused17]", "<|im_start|>", "<|im_end|>", "<｜Assistant｜>",
      "<｜User｜>",
      "<|assistant|>", "<|user|>",
    ].filter { !removed.contains($0) }
    var added: [String: Any] = [:]
    for (place, text) in special.enumerated() {
      added["\(700 + place)"] = ["content": text, "special": true]
    }
    let configuration: [String: Any] = [
      "added_tokens_decoder": added, "add_bos_token": false, "bos_token": "<s>", "eos_token": "</s>",
    ]
    try JSONSerialization.data(withJSONObject: configuration).write(
      to: folder.appending(path: "tokenizer_config.json"))
    if let template {
      try template.write(to: folder.appending(path: "chat_template.jinja"), atomically: true, encoding: .utf8)
    }
    return try TextProcessor(directory: folder)
  }

  static func model(_ type: String, layers: Int) -> ModelDescription {
    ModelDescription(
      modelType: type, hiddenSize: 8, layerCount: layers, vocabularySize: 800, contextLength: 100,
      mtpHeadCount: 0,
      mtpAbsence: nil, attention: "", router: nil, routedExpertCount: 0, expertsPerToken: 0,
      cacheLayouts: [], endOfSequenceTokens: [2])
  }

  static func template(_ family: Family) throws -> String {
    if let name = family.template {
      return try String(contentsOf: templates.appending(path: "templates/\(name)"), encoding: .utf8)
    }
    let abacus = tests.deletingLastPathComponent().appending(path: "Samples/Abacus/tokenizer_config.json")
    let json = try JSONSerialization.jsonObject(with: Data(contentsOf: abacus)) as? [String: Any]
    return try #require(json?["chat_template"] as? String)
  }

  @Test(arguments: try families())
  func `every family is found, and its prompts are Python's`(family: Family) throws {
    let text = try Self.processor(template: try Self.template(family))
    let profile = ThinkingProfile(text, model: Self.model(family.model_type, layers: family.layers))
    #expect(profile?.name == family.family)
    guard let profile else { return }
    #expect(Set(profile.modes.map(\.rawValue)) == Set(family.modes))
    #expect(profile.defaultMode.rawValue == family.modes.first)
    #expect(text.tokenizer.piece(of: profile.open.token) == profile.open.text)
    #expect(!family.cases.isEmpty)
    for example in family.cases {
      let mode = try #require(ThinkingMode(rawValue: example.mode))
      let (messages, variables) = try #require(profile.conversation(example.conversation, mode: mode))
      let prompt = try text.renderChat(messages: messages, variables: variables)
      #expect(prompt == example.text, "\(mode)")
      let tokens = try text.encodeChat(messages: messages, variables: variables)
      #expect(
        profile.startsInThoughts(after: tokens, tokenizer: text.tokenizer) == example.starts_in_thoughts,
        "\(mode)")
    }
  }

  @Test
  func `a model without the markers or with a switch that does nothing has no profile`() throws {
    let plain = Self.model("qwen3", layers: 36)
    #expect(ThinkingProfile(try Self.processor(template: nil), model: plain) == nil)
    let idle = "{# enable_thinking #}{{ messages[0].content }}"
    #expect(ThinkingProfile(try Self.processor(template: idle), model: plain) == nil)
    let broken = "{{ raise_exception('no') if enable_thinking is defined }}"
    #expect(ThinkingProfile(try Self.processor(template: broken), model: plain) == nil)
    let pangu = Self.model("PanguEmbedded", layers: 34)
    #expect(ThinkingProfile(try Self.processor(template: nil, without: ["[unused16]"]), model: pangu) == nil)
  }

  @Test
  func `what a user or a system text says does not open the thoughts`() throws {
    let family = try #require(try Self.families().first { $0.family == "Qwen3" })
    let text = try Self.processor(template: try Self.template(family))
    let profile = try #require(ThinkingProfile(text, model: Self.model("qwen3", layers: 36)))
    for role in ["user", "system"] {
      let messages = [
        ChatMessage(role: role, content: "put it behind <think>"), ChatMessage(role: "user", content: "1"),
      ]
      let (values, variables) = try #require(profile.conversation(messages, mode: .slow))
      let tokens = try text.encodeChat(messages: values, variables: variables)
      #expect(!profile.startsInThoughts(after: tokens, tokenizer: text.tokenizer))
    }
    let raw = text.encodePrompt("1 + 1 <think>so", parsingSpecialTokens: true)
    #expect(profile.startsInThoughts(after: raw, tokenizer: text.tokenizer))
  }

  @Test
  func `DeepSeek-V3_1 is known by its turns, whatever other variables its template takes`() throws {
    let template = """
      {%- if thinking is not defined %}{% set thinking = enable_thinking | default(false) %}{% endif -%}
      {{ '<｜User｜>' + messages[-1].content + '<｜Assistant｜>' + ('<think>' if thinking else '</think>') }}
      """
    let profile = ThinkingProfile(
      try Self.processor(template: template), model: Self.model("deepseek_v3", layers: 61))
    #expect(profile?.name == "DeepSeek-V3.1")
    #expect(profile?.defaultMode == .fast)
  }

  @Test
  func `a suffix needs a user message`() throws {
    let text = try Self.processor(template: "x")
    let profile = try #require(ThinkingProfile(text, model: Self.model("PanguEmbedded", layers: 34)))
    let messages = [ChatMessage(role: "system", content: "a")]
    #expect(profile.conversation(messages, mode: .fast) == nil)
    #expect(profile.conversation(messages, mode: .slow) != nil)
  }

  @Test
  func `a profile file is read`() throws {
    let text = try Self.processor(template: "x")
    let json = #"""
      {"name": "mine", "open": "<think>", "close": "</think>", "default": "fast",
       "switch": {"variable": "depth", "values": {"fast": 0, "slow": {"steps": [1, 2.5]}}}}
      """#
    let profile = try Self.profile(json, text)
    #expect(profile.name == "mine")
    #expect(profile.modes == [.fast, .slow])
    #expect(profile.defaultMode == .fast)
    #expect(profile.allowsRuntimeChoice)
    let (_, variables) = try #require(profile.conversation([], mode: .slow))
    #expect(variables["depth"]?["steps"] == [1, 2.5])
    let suffix = try Self.profile(
      #"{"open": "<think>", "close": "</think>", "switch": {"suffix": {"slow": "", "auto": " /a"}}}"#, text)
    #expect(suffix.modeSwitch == .suffix([.slow: "", .auto: " /a"]))
    #expect(suffix.defaultMode == .slow)
    let fixed = try Self.profile(
      #"{"open": "<think>", "close": "</think>", "switch": {"fixed": "slow"}}"#, text)
    #expect(fixed.modes == [.slow])
  }

  private static func profile(_ json: String, _ text: TextProcessor) throws -> ThinkingProfile {
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).json")
    try json.write(to: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: file) }
    return try ThinkingProfile(file: file, text: text)
  }

  @Test(arguments: [
    ("nonsense", "JSON"), ("[]", "object"), ("{}", "switch"),
    (#"{"open": "<think>", "close": "</think>", "switch": {"fixed": "deep"}}"#, "deep"),
    (#"{"open": "<think>", "close": "</think>", "switch": {"fixed": "slow"}, "defualt": "slow"}"#, "defualt"),
    (#"{"open": "<think>", "close": "</think>", "switch": {"fixed": "slow"}, "default": "fast"}"#, "slow"),
    (#"{"open": "<muse>", "close": "</think>", "switch": {"fixed": "slow"}}"#, "<muse>"),
    (#"{"open": 3, "close": "</think>", "switch": {"fixed": "slow"}}"#, "open"),
    (#"{"close": "</think>", "switch": {"fixed": "slow"}}"#, "open"),
    (#"{"open": "<think>", "close": "</think>", "switch": {"suffix": {}}}"#, "modes"),
    (#"{"open": "<think>", "close": "</think>", "switch": {"suffix": {"fast": 1}}}"#, "suffix.fast"),
    (#"{"open": "<think>", "close": "</think>", "switch": {"variable": "x"}}"#, "switch"),
    (
      #"{"open": "<think>", "close": "</think>", "switch": {"variable": "x", "values": {"fast": 1}, "y": 2}}"#,
      "y"
    ),
    (
      #"{"open": "<think>", "close": "</think>", "switch": {"variable": "", "values": {"fast": 1}}}"#,
      "variable"
    ),
  ])
  func `a wrong profile file is an error that names the key`(json: String, mention: String) throws {
    let text = try Self.processor(template: "x")
    let error = try #require(throws: LoadError.self) { try Self.profile(json, text) }
    #expect(error.description.contains(mention), "\(error)")
  }
}
