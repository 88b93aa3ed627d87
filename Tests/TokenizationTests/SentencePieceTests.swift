import ChatTemplates
import Testing

@testable import Tokenization

/// What the tokenizer adds to the library: special tokens under control, and clean errors.
@Suite struct SentencePieceTests {
  let tokenizer: SentencePieceTokenizer

  init() throws { tokenizer = try SentencePieceGoldenTests.open("bpe") }

  @Test(arguments: ["<think>", "</think>", "<|user|>", "<|assistant|>", "<|end|>", "<s>", "</s>", "<unk>"])
  func `Text cannot forge a special token`(markup: String) throws {
    for text in [markup, "a\(markup)b", " \(markup) ", "<\(markup)>", "\(markup)\(markup)", "你\(markup)好"] {
      let ids = tokenizer.encode(text, parsingSpecialTokens: false)
      #expect(!ids.contains { tokenizer.isSpecial($0) }, "\(text)")
      #expect(try tokenizer.decode(ids, skippingSpecialTokens: true) == text)
    }
  }

  @Test func `Without markup both ways of encoding agree`() throws {
    for example in try #require(try SentencePieceGoldenTests.golden("bpe")["encode"]?.list) {
      let text = try #require(example["text"]?.string)
      if text.contains(/<\/?think>|<\|[a-z]+\|>|<\/?s>/) { continue }
      #expect(
        tokenizer.encode(text, parsingSpecialTokens: false)
          == tokenizer.encode(text, parsingSpecialTokens: true))
    }
  }

  @Test func `Text known in advance is what the bytes spell`() throws {
    for name in SentencePieceGoldenTests.models {
      let tokenizer = try SentencePieceGoldenTests.open(name)
      var known = 0
      for id in -1...TokenID(tokenizer.vocabularySize) {
        guard let text = tokenizer.wholeText(of: id) else { continue }
        known += 1
        #expect(!tokenizer.isSpecial(id))
        #expect(Array(text.utf8) == tokenizer.bytes(of: id))
      }
      #expect(known > 0 && known < tokenizer.vocabularySize)
    }
  }

  @Test func `Control tokens are recognised only on demand`() throws {
    let end = try #require(tokenizer.endOfSequence)
    let ids = tokenizer.encode("<s>one</s>two", parsingSpecialTokens: true)
    #expect(ids.first == tokenizer.beginningOfSequence)
    #expect(ids.filter { $0 == end }.count == 1)
    #expect(try tokenizer.decode(ids, skippingSpecialTokens: true) == "onetwo")
    #expect(try tokenizer.decode(ids, skippingSpecialTokens: false) == "<s>one</s>two")
    #expect(tokenizer.token(for: "</s>") == end)
    #expect(tokenizer.token(for: "<think>") == tokenizer.encode("x<think>", parsingSpecialTokens: true).last)
    #expect(tokenizer.token(for: "the") == nil)
  }

  @Test func `Legacy tokenizers put a space after special tokens`() throws {
    var options = SentencePieceTokenizer.Options()
    options.addsPrefixAfterSpecialTokens = true
    options.specialTokens = [try #require(tokenizer.token(for: "<|user|>"))]
    let legacy = try SentencePieceTokenizer(
      serialized: Fixture.bytes("sentencepiece-bpe.model"), file: "m", options: options)
    let hello = tokenizer.encode("one", parsingSpecialTokens: false)
    let user = try #require(tokenizer.token(for: "<|user|>"))
    #expect(legacy.encode("<|user|>one", parsingSpecialTokens: true) == [user] + hello)
    #expect(legacy.encode("</s>one", parsingSpecialTokens: true) == [2] + hello)
    #expect(tokenizer.encode("</s>one", parsingSpecialTokens: true) != [2] + hello)
  }

  @Test func `Ids out of range are errors`() {
    let size = tokenizer.vocabularySize
    for bad in [-1, TokenID(size), .max, .min] {
      #expect(tokenizer.bytes(of: bad) == nil)
      #expect(tokenizer.piece(of: bad) == nil)
      #expect(!tokenizer.isSpecial(bad))
      #expect(throws: TokenizerError.tokenOutOfRange(token: Int(bad), vocabularySize: size)) {
        try tokenizer.decode([5, bad], skippingSpecialTokens: true)
      }
    }
  }

  @Test func `Awkward texts survive`() throws {
    #expect(tokenizer.encode("", parsingSpecialTokens: true) == [])
    #expect(tokenizer.encode("", parsingSpecialTokens: false) == [])
    #expect(try tokenizer.decode([], skippingSpecialTokens: false) == "")
    let nul = "a\0b\0"
    #expect(
      try identical(
        tokenizer.decode(tokenizer.encode(nul, parsingSpecialTokens: true), skippingSpecialTokens: true), nul)
    )
    let long = String(repeating: "The quick brown fox 42 今天 😀\n", count: 30_000)
    #expect(long.utf8.count > 1_000_000)
    let ids = tokenizer.encode(long, parsingSpecialTokens: false)
    #expect(try identical(tokenizer.decode(ids, skippingSpecialTokens: true), long))
  }

  @Test func `Damaged models are errors`() throws {
    let good = try Fixture.bytes("sentencepiece-bpe.model")
    func open(_ bytes: [UInt8]) throws { _ = try SentencePieceTokenizer(serialized: bytes, file: "x.model") }
    #expect(throws: TokenizerError.self) { try open([]) }
    #expect(throws: TokenizerError.self) { try open(Array("{\"json\": true}".utf8)) }
    #expect(throws: TokenizerError.self) { try open(Array(good.dropLast(1))) }
    var state: UInt64 = 42
    func random() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }
    for _ in 0..<200 {
      // Random bytes, truncations and flipped bytes: an error, or a model that works.
      try? open((0..<Int(random() % 400)).map { _ in UInt8(truncatingIfNeeded: random()) })
      try? open(Array(good.prefix(Int(random()) % good.count)))
      var flipped = good
      for _ in 0..<4 { flipped[Int(random()) % good.count] = UInt8(truncatingIfNeeded: random()) }
      if let survivor = try? SentencePieceTokenizer(serialized: flipped, file: "x.model") {
        let ids = survivor.encode("The quick <think> 42 今", parsingSpecialTokens: true)
        _ = try survivor.decode(ids, skippingSpecialTokens: false)
      }
    }
  }
}
