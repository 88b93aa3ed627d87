import Testing

@testable import Tokenization

/// The small regular-expression engine under the pre-tokenizers.
@Suite struct PatternTests {
  private func matches(_ pattern: String, _ text: String) throws -> [String] {
    let bytes = Array(text.utf8)
    var found: [String] = []
    try Pattern(pattern).matches(in: bytes.span, range: 0..<bytes.count) { range in
      found.append(String(decoding: bytes[range], as: UTF8.self))
    }
    return found
  }

  @Test(arguments: [
    ("a+", "aab aaa", ["aa", "aaa"]),
    ("a|ab", "ab", ["a"]),
    ("(?:a|ab)c", "abc ac", ["abc", "ac"]),
    ("[a-c]{2,3}", "abcabca", ["abc", "abc"]),
    ("[^a-c]+", "abxyzc", ["xyz"]),
    (#"\p{L}+"#, "héllo 日本1", ["héllo", "日本"]),
    (#"\P{L}+"#, "a12b", ["12"]),
    (#"[\p{Lu}\p{Nd}]+"#, "aBC1d", ["BC1"]),
    (#"\s+(?!\S)"#, "a   b  ", ["  ", "  "]),
    (#"x(?=y)"#, "xy xz", ["x"]),
    (#"(?i:ab|cd)e"#, "ABe cDe abE", ["ABe", "cDe"]),
    (#"(?i:'s)"#, "'S 's 'ſ", ["'S", "'s", "'ſ"]),
    ("a?b", "ab b aab", ["ab", "b", "ab"]),
    ("(?:ab)+c", "ababc abc ab", ["ababc", "abc"]),
    ("(?:ab){2}", "ababab", ["abab"]),
    ("(?:ab){1,2}c?", "abababc", ["abab", "abc"]),
    ("a++b", "aaab", ["aaab"]),
    ("a*+a", "aaa", []),
    ("(?:a|ab)++c", "abc", []),
    ("^a", "aa", ["a"]),
    ("a$", "aa", ["a"]),
    (#"[\]\-x]+"#, "]-x", ["]-x"]),
    (#"[]a]+"#, "]a", ["]a"]),
    (#"\u0041\x42"#, "AB", ["AB"]),
    ("日|😀", "x日😀", ["日", "😀"]),
    (".", "a\n日", ["a", "日"]),
    ("a*", "baab", ["aa"]),
  ])
  func `A pattern finds what it should`(pattern: String, text: String, expected: [String]) throws {
    #expect(try matches(pattern, text) == expected)
  }

  @Test func `A set of many ranges has the same members in any order`() throws {
    let members = "zqa-cx-zm0-57"
    let text = String(String.UnicodeScalarView((0x20...0x7E).compactMap(Unicode.Scalar.init)))
    let expected = ["012345", "7", "abc", "m", "q", "xyz"]
    #expect(try matches("[\(members)]+", text) == expected)
    #expect(try matches("[a-zà-üа-я一-龥x-y]+", "xüд一 1") == ["xüд一"])
  }

  @Test(arguments: [
    "a" + String(repeating: "{1}", count: 200_000), "(){1000}{1000}{1000}{1000}",
    "(" + String(repeating: "|", count: 100_000) + "){1000}", "(((a?){9}){9}){999}", "(ab){-1}",
  ])
  func `Patterns that ask for too much are refused`(pattern: String) {
    #expect(throws: PatternError.self) { try Pattern(pattern) }
  }

  @Test func `A match that leaves too many ways open is given up`() throws {
    for (count, found) in [(500_000, 1), (1_500_000, 0)] {
      #expect(try matches("(?:a|b)+d", String(repeating: "a", count: count) + "d").count == found)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `Explosive patterns give up instead of hanging`() throws {
    let text = String(repeating: "a", count: 5000)
    #expect(try matches("(?:a|aa)+b", text).isEmpty)
    #expect(try matches("a*a*a*a*b", text).isEmpty)
  }
}
