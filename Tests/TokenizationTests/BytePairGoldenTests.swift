import ChatTemplates
import Testing

@testable import Tokenization

/// Ids and texts equal to Python's tokenizers.
@Suite struct BytePairGoldenTests {
  static let families = ["qwen", "deepseek", "glm", "o200k", "gpt2", "prefixed", "llama", "metaspace"]

  static func open(_ name: String) throws -> BytePairTokenizer {
    try BytePairTokenizer(json: Fixture.bytes("bpe-\(name).json"), file: "bpe-\(name).json")
  }

  @Test(arguments: families)
  func `Encoding gives Python's ids`(name: String) throws {
    let golden = try Fixture.json("bpe.json")
    let tokenizer = try Self.open(name)
    #expect(tokenizer.vocabularySize == golden[name]?["vocabulary_size"]?.int)
    let texts = try #require(golden["texts"]?.list)
    let cases = try #require(golden[name]?["encode"]?.list)
    #expect(cases.count == texts.count)
    for (text, example) in zip(texts, cases) {
      let text = try #require(text.string)
      let ids = try #require(example["ids"]).ids
      #expect(tokenizer.encode(text, parsingSpecialTokens: true) == ids, "\(text.debugDescription)")
    }
  }

  @Test(arguments: families)
  func `Decoding gives Python's text`(name: String) throws {
    let golden = try Fixture.json("bpe.json")
    let tokenizer = try Self.open(name)
    for example in try #require(golden[name]?["decode"]?.list) {
      let ids = try #require(example["ids"]).ids
      for (skipping, key) in [(false, "text"), (true, "skipped")] {
        let expected = try #require(example[key]?.string)
        // Python replaces every byte of a run with one bad byte in it, which no stream could do: ours replaces the bad
        // one, as SentencePiece does.
        if name == "llama", expected.contains("\u{FFFD}") { continue }
        let text = try tokenizer.decode(ids, skippingSpecialTokens: skipping)
        #expect(identical(text, expected), "\(ids) \(text.debugDescription) \(expected.debugDescription)")
        #expect(identical(tokenizer.streamed(ids, skippingSpecialTokens: skipping), text))
      }
    }
  }
}
