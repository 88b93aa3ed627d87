import ChatTemplates
import Testing

@testable import Tokenization

/// What Python's tokenizers is not asked: special tokens under control, and clean errors.
@Suite struct BytePairTests {
  @Test(arguments: BytePairGoldenTests.families)
  func `Text cannot forge a special token`(name: String) throws {
    let tokenizer = try BytePairGoldenTests.open(name)
    for text in [
      "<think>", "a<|end|>b", "x <|user|> y", "<s></s>", "[MASK]", "<mask>", "<|assistant|><think>\n",
    ] {
      let ids = tokenizer.encode(text, parsingSpecialTokens: false)
      #expect(
        !ids.contains { id in
          tokenizer.isSpecial(id) && id != tokenizer.unknown || tokenizer.piece(of: id) == "<think>"
        })
      if name != "prefixed", name != "metaspace" {
        #expect(try tokenizer.decode(ids, skippingSpecialTokens: true) == text)
      }
    }
  }

  @Test func `Bytes of tokens are exact`() throws {
    let tokenizer = try BytePairGoldenTests.open("qwen")
    let text = "naïve 日本 😀\n\u{0}"
    let ids = tokenizer.encode(text, parsingSpecialTokens: false)
    #expect(ids.flatMap { tokenizer.bytes(of: $0) ?? [] } == Array(text.utf8))
    let end = try #require(tokenizer.token(for: "<|end|>"))
    #expect(tokenizer.bytes(of: end) == [])
    #expect(tokenizer.isSpecial(end))
    #expect(tokenizer.bytes(of: -1) == nil)
    #expect(tokenizer.bytes(of: TokenID(tokenizer.vocabularySize)) == nil)
    #expect(throws: TokenizerError.self) { try tokenizer.decode([.max], skippingSpecialTokens: true) }
  }

  @Test func `Long words merge as short ones do`() throws {
    let tokenizer = try BytePairGoldenTests.open("qwen")
    // A word beyond the limit of the simple method, whose ids are those of its repeating part.
    let part = tokenizer.encode(String(repeating: "ab", count: 20), parsingSpecialTokens: false)
    let long = tokenizer.encode(String(repeating: "ab", count: 2000), parsingSpecialTokens: false)
    #expect(try tokenizer.decode(long, skippingSpecialTokens: true).utf8.count == 4000)
    #expect(Set(long).isSubset(of: Set(part)) || long.count < part.count * 100)
    let spaces = String(repeating: " ", count: 200_000)
    let ids = tokenizer.encode(spaces + "x", parsingSpecialTokens: false)
    #expect(try tokenizer.decode(ids, skippingSpecialTokens: true) == spaces + "x")
  }

  @Test func `Both ways of merging agree`() throws {
    let tokenizer = try BytePairGoldenTests.open("deepseek")
    var state: UInt64 = 5
    for _ in 0..<50 {
      var symbols = (0..<60).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return tokenizer.byteTokens[Int(UInt8(ascii: "a") + UInt8(truncatingIfNeeded: (state >> 33) % 8))]
      }
      var reference = symbols
      var workspace = MergeWorkspace()
      workspace.merge(&symbols, tokenizer.merges)
      while true {
        let pairs = zip(reference, reference.dropFirst()).map { tokenizer.merges.merge($0, $1) }
        let best = pairs.enumerated().filter { $0.element != nil }.min {
          ($0.element?.rank ?? 0, $0.offset) < ($1.element?.rank ?? 0, $1.offset)
        }
        guard let best, let merge = best.element else { break }
        reference.replaceSubrange(best.offset...best.offset + 1, with: [merge.result])
      }
      #expect(symbols == reference)
    }
  }

  @Test func `What is not supported is named`() throws {
    func error(_ json: String) -> String {
      do {
        _ = try BytePairTokenizer(json: Array(json.utf8), file: "t.json")
        return "none"
      } catch {
        return error.description
      }
    }
    let model = #""model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}"#
    #expect(error("{\(model)}") == "none")
    #expect(error("{\"normalizer\": {\"type\": \"Precompiled\"}, \(model)}").contains("Precompiled"))
    #expect(
      error("{\"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}, \(model)}").contains("BertPreTokenizer"))
    #expect(error("{\"decoder\": {\"type\": \"WordPiece\"}, \(model)}").contains("WordPiece"))
    #expect(
      error("{\"post_processor\": {\"type\": \"BertProcessing\"}, \(model)}").contains("BertProcessing"))
    #expect(error(#"{"model": {"type": "Unigram", "vocab": [["a", 0.5]]}}"#).contains("Unigram"))
    for pattern in ["(a", "[a", "a**?", "(?<=a)b", "\\p{Greek}", "a{2,1}", "(a*)*", "[[:alpha:]]", "\\b"] {
      let escaped = pattern.replacing("\\", with: "\\\\")
      let split = #"{"type": "Split", "pattern": {"Regex": "\#(escaped)"}, "behavior": "Isolated"}"#
      #expect(error("{\"pre_tokenizer\": \(split), \(model)}") != "none", "\(pattern)")
    }
    for bad in [
      "", "{", "[]", "{}", "{\"model\": {}}", "{\"model\": null}", "{\(model)", "{\(model)} x",
      #"{"model": {"vocab": {"a": 0, "b": 0}}}"#, #"{"model": {"vocab": {"a": -1}}}"#,
      #"{"model": {"vocab": {"a": 99999999999}}}"#, #"{"model": {"vocab": {"a": 1.5}}}"#,
      #"{"model": {"vocab": {"a": 0}, "merges": ["a b"]}}"#,
      #"{"model": {"vocab": {"a": 0}, "merges": ["a"]}}"#,
      #"{"model": {"vocab": {"a": 0}, "merges": [["a"]]}}"#,
      #"{"model": {"vocab": {"a": 0}, "merges": [5]}}"#,
      #"{"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 1}]}"#,
      #"{"model": {"vocab": {"a": 0}}, "added_tokens": [{"content": "x", "id": -5}]}"#,
    ] {
      #expect(error(bad).contains("t.json"), "\(bad)")
    }
  }

  @Test func `Damaged files are errors or work`() throws {
    let good = try Fixture.bytes("bpe-deepseek.json")
    var state: UInt64 = 99
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    for round in 0..<60 {
      var bytes = round % 2 == 0 ? good : Array(good.prefix(random(good.count)))
      for _ in 0..<random(4) where !bytes.isEmpty { bytes[random(bytes.count)] = UInt8(random(256)) }
      if let tokenizer = try? BytePairTokenizer(json: bytes, file: "x") {
        let ids = tokenizer.encode("Hello <think> 123 今天\n", parsingSpecialTokens: true)
        _ = try tokenizer.decode(ids, skippingSpecialTokens: false)
      }
    }
  }

  @Test func `A folder with tokenizer.json is a tokenizer`() throws {
    let files = [
      "tokenizer.json": try Fixture.bytes("bpe-deepseek.json"),
      "tokenizer_config.json": Array(
        #"{"add_bos_token": true, "bos_token": {"content": "<s>"}, "eos_token": "</s>"}"#.utf8),
    ]
    let processor = try Fixture.withFolder(files) { try TextProcessor(directory: $0) }
    #expect(processor.tokenizer.kind == "byte-level BPE")
    #expect(processor.beginningOfSequence == processor.tokenizer.token(for: "<s>"))
    #expect(processor.endOfSequence == processor.tokenizer.token(for: "</s>"))
    #expect(processor.encodePrompt("a", parsingSpecialTokens: true).first == processor.beginningOfSequence)
    let plain = try Fixture.withFolder(["tokenizer.json": try Fixture.bytes("bpe-qwen.json")]) {
      try TextProcessor(directory: $0)
    }
    #expect(!plain.addsBeginningOfSequence)
  }
}
