import ChatTemplates
import Testing

@testable import Tokenization

/// Ids and texts equal to Python's sentencepiece.
@Suite struct SentencePieceGoldenTests {
  static let models = ["bpe", "unigram", "plain"]

  static func open(_ name: String) throws -> SentencePieceTokenizer {
    let file = "sentencepiece-\(name).model"
    return try SentencePieceTokenizer(serialized: Fixture.bytes(file), file: file)
  }

  static func golden(_ name: String) throws -> TemplateValue {
    try #require(try Fixture.json("sentencepiece.json")[name])
  }

  @Test(arguments: models)
  func `Encoding gives Python's ids`(name: String) throws {
    let tokenizer = try Self.open(name)
    let cases = try #require(try Self.golden(name)["encode"]?.list)
    #expect(cases.count > 50)
    for example in cases {
      let text = try #require(example["text"]?.string)
      // The library never recognises control pieces, which we do on demand.
      let ids = tokenizer.encode(text, parsingSpecialTokens: !text.contains("<s>"))
      #expect(ids == (example["ids"]?.ids ?? [-1]), "\(text.debugDescription)")
    }
  }

  @Test(arguments: models)
  func `Decoding gives Python's text`(name: String) throws {
    let tokenizer = try Self.open(name)
    let cases = try #require(try Self.golden(name)["decode"]?.list)
    for example in cases {
      let text = try #require(example["text"]?.string)
      let ids = try #require(example["ids"]).ids
      // Python's decoder shows user-defined pieces and hides control pieces.
      let visible = ids.filter { tokenizer.bytes(of: $0) != [] }
      if visible.count == ids.count {
        let decoded = try tokenizer.decode(ids, skippingSpecialTokens: false)
        #expect(identical(decoded, text), "\(ids)")
      }
      #expect(identical(tokenizer.library.decode(ids) ?? "none", text))
    }
  }

  @Test(arguments: models)
  func `The vocabulary is Python's`(name: String) throws {
    let tokenizer = try Self.open(name)
    let golden = try Self.golden(name)
    func id(_ key: String) -> TokenID? { golden[key]?.int.flatMap { $0 < 0 ? nil : TokenID($0) } }
    #expect(tokenizer.vocabularySize == golden["vocabulary_size"]?.int)
    #expect(tokenizer.beginningOfSequence == id("bos"))
    #expect(tokenizer.endOfSequence == id("eos"))
    #expect(tokenizer.unknown == id("unk"))
    #expect(tokenizer.padding == id("pad"))
    for (index, piece) in try #require(golden["pieces"]?.list).enumerated() {
      #expect(tokenizer.piece(of: TokenID(index * 7)) == piece.string)
    }
  }
}
