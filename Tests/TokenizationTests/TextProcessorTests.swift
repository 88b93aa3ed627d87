import ChatTemplates
import Testing

@testable import Tokenization

/// What a model folder says about text.
@Suite struct TextProcessorTests {
  let model: [UInt8]

  init() throws { model = try Fixture.bytes("sentencepiece-bpe.model") }

  private func load(_ files: [String: String], withModel: Bool = true) throws -> TextProcessor {
    var contents = files.mapValues { Array($0.utf8) }
    if withModel { contents["tokenizer.model"] = model }
    return try Fixture.withFolder(contents) { try TextProcessor(directory: $0) }
  }

  @Test func `A model file alone is enough`() throws {
    let processor = try load([:])
    #expect(processor.tokenizer.kind == "sentencepiece")
    #expect(processor.chatTemplate == nil)
    #expect(processor.addsBeginningOfSequence)
    #expect(processor.specialTokenTexts["bos_token"] == "<s>")
    let ids = processor.encodePrompt("one", parsingSpecialTokens: true)
    #expect(ids.first == 1)
    #expect(processor.encodePrompt("<s>one", parsingSpecialTokens: true).filter { $0 == 1 }.count == 1)
    #expect(throws: TokenizerError.self) { try processor.renderChat(messages: []) }
  }

  @Test func `The configuration has the last word`() throws {
    let processor = try load([
      "tokenizer_config.json": """
        {"add_bos_token": false, "eos_token": {"content": "<|end|>", "lstrip": false}, "bos_token": "<s>",
         "chat_template": "{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}"}
        """
    ])
    #expect(!processor.addsBeginningOfSequence)
    #expect(processor.endOfSequence == processor.tokenizer.token(for: "<|end|>"))
    #expect(
      try processor.renderChat(messages: [["role": "user", "content": "hi"]], addGenerationPrompt: true)
        == "user: hi<|end|>")
  }

  @Test func `Chat templates are found in every place`() throws {
    let named = """
      {"chat_template": [{"name": "default", "template": "D"}, {"name": "tool_use", "template": "T"}]}
      """
    let fromList = try load(["tokenizer_config.json": named])
    #expect(try fromList.renderChat(messages: []) == "D")
    #expect(fromList.namedChatTemplates["tool_use"]?.source == "T")
    let fromFile = try load(["tokenizer_config.json": named, "chat_template.jinja": "F"])
    #expect(try fromFile.renderChat(messages: []) == "F")
    let fromOldFile = try load(["chat_template.json": "{\"chat_template\": \"J\"}"])
    #expect(try fromOldFile.renderChat(messages: []) == "J")
  }

  @Test func `A bad chat template is an error once it is used`() throws {
    let processor = try load(["chat_template.jinja": "{% if %}"])
    let error = #expect(throws: TokenizerError.self) { try processor.renderChat(messages: []) }
    #expect("\(try #require(error))".contains("chat_template.jinja"))
  }

  @Test func `Bad folders are errors that name the file`() throws {
    #expect(throws: TokenizerError.self) { try load([:], withModel: false) }
    for (name, content) in [
      ("tokenizer_config.json", "{"), ("tokenizer_config.json", "[]"), ("tokenizer.model", "garbage"),
    ] {
      let error = #expect(throws: TokenizerError.self) {
        try load([name: content], withModel: name != "tokenizer.model")
      }
      #expect("\(try #require(error))".contains(name))
    }
  }
}
