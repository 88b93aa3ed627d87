import ChatTemplates
import Testing

@testable import Tokenization

@Suite struct StreamingDetokenizerTests {
  @Test(arguments: SentencePieceGoldenTests.models)
  func `A stream gives the text of the whole and only whole characters`(name: String) throws {
    let tokenizer = try SentencePieceGoldenTests.open(name)
    for example in try #require(try SentencePieceGoldenTests.golden(name)["decode"]?.list) {
      let ids = try #require(example["ids"]).ids
      for skipping in [false, true] {
        let whole = try tokenizer.decode(ids, skippingSpecialTokens: skipping)
        #expect(identical(tokenizer.streamed(ids, skippingSpecialTokens: skipping), whole))
      }
      // With every special token hidden or shown, what stays must be the library's own text.
      let plain = ids.filter { !tokenizer.isSpecial($0) }
      #expect(
        try identical(
          tokenizer.decode(plain, skippingSpecialTokens: true), tokenizer.library.decode(plain) ?? "none"))
    }
  }

  @Test func `Characters are held back until they are whole`() throws {
    let tokenizer = try SentencePieceGoldenTests.open("bpe")
    var detokenizer = StreamingDetokenizer(tokenizer)
    let emoji = try "😀".utf8.map { byte in
      let hexadecimal = String(byte, radix: 16, uppercase: true)
      return try #require((0..<300).first { tokenizer.piece(of: $0) == "<0x\(hexadecimal)>" })
    }
    #expect(emoji.map { detokenizer.append($0) } == ["", "", "", "😀"])
    #expect(detokenizer.append(emoji[0]) == "")
    #expect(detokenizer.append(tokenizer.encode("a", parsingSpecialTokens: false)[0]).hasPrefix("\u{FFFD}"))
    #expect(detokenizer.append(emoji[0]) == "")
    #expect(detokenizer.finish() == "\u{FFFD}")
    #expect(detokenizer.append(100_000) == "")
  }

  @Test func `Text that continues keeps its leading space`() throws {
    let tokenizer = try SentencePieceGoldenTests.open("bpe")
    let ids = tokenizer.encode("the dog", parsingSpecialTokens: false)
    #expect(try tokenizer.decode(ids, skippingSpecialTokens: true) == "the dog")
    var detokenizer = StreamingDetokenizer(tokenizer, continuing: true)
    #expect(ids.map { detokenizer.append($0) }.joined() == " the dog")
  }

  @Test(arguments: [InvalidByteRule.replaceEachByte, .replaceMaximalPart])
  func `Any division of any bytes gives the same text`(rule: InvalidByteRule) {
    var state: UInt64 = 7
    func random() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }
    let interesting: [UInt8] = [
      0x41, 0x20, 0x80, 0xBF, 0xC2, 0xA9, 0xE0, 0xA0, 0xED, 0x9F, 0xE4, 0xBD, 0xF0, 0x9F, 0x98, 0xF4, 0x8F,
      0xFF,
    ]
    for _ in 0..<500 {
      let bytes = (0..<20).map { _ in interesting[Int(random()) % interesting.count] }
      var whole = UTF8Assembler(rule: rule)
      let expected = whole.append(bytes) + whole.finish()
      if rule == .replaceMaximalPart { #expect(identical(expected, String(decoding: bytes, as: UTF8.self))) }
      var parts = UTF8Assembler(rule: rule)
      var text = ""
      for byte in bytes { text += parts.append([byte]) }
      #expect(identical(text + parts.finish(), expected))
    }
  }
}
