import Testing

@testable import ChatTemplates

/// Searching in linear time finds what looking at every place finds.
@Suite struct ByteSearchTests {
  private func plainly(_ part: [UInt8], _ text: [UInt8], _ start: Int, _ end: Int) -> Int? {
    var place = start
    while place + part.count <= end {
      if text[place..<place + part.count].elementsEqual(part) { return place }
      place += 1
    }
    return nil
  }

  @Test func `All places are found in texts of few letters`() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<3000 {
      let letters = UInt8.random(in: 1...3, using: &random)
      let text = (0..<Int.random(in: 0...200)).map { _ in UInt8.random(in: 0..<letters, using: &random) }
      // Parts of the text itself, also long ones, and others that are nearly there.
      var part = Array(text.dropFirst(Int.random(in: 0...text.count)).prefix(Int.random(in: 0...60)))
      if Bool.random(), !part.isEmpty { part[Int.random(in: 0..<part.count)] ^= 1 }
      let start = Int.random(in: 0...text.count)
      let end = Int.random(in: start...text.count)
      let found = ByteSearch(part).first(in: text.span, from: start, to: end)
      #expect(found == plainly(part, text, start, end), "\(part) in \(text) from \(start) to \(end)")
    }
  }

  @Test(arguments: [
    ("{{ 'aXbXc'.split('X', 1) }}", "['a', 'bXc']"), ("{{ 'aXbXc'.rsplit('X', 1) }}", "['aXb', 'c']"),
    ("{{ 'aaaa'.replace('aa', 'b') }}", "bb"), ("{{ 'aaaaa'.count('aa') }}", "2"),
    ("{{ 'abcabc'.rfind('abc') }} {{ 'abcabc'.find('abc', 1) }} {{ 'abc'.rfind('') }}", "3 3 3"),
    ("{{ 'aaa'.rsplit('aa') }} {{ 'aaa'.split('aa') }}", "['a', ''] ['', 'a']"),
    ("{% for x in [1, 1, 2] %}{{ loop.changed(x) }} {% endfor %}", "True False True "),
    ("{{ 'aaa'.rpartition('aa') }}", "('a', 'aa', '')"), ("{{ 'ééa'.find('a') }}", "2"),
    (
      "{% set d = {'a': [1], 'b': 2} %}{% set e = {'b': 2, 'a': [1]} %}{{ d.keys() == e.keys() }} "
        + "{{ d.items() == e.items() }} {{ d.items() == {'a': 1, 'b': 2}.items() }} {{ d.keys() == d.items() }}",
      "True True False False"
    ),
    ("{% set g = [1, 2, 3] | map('default') %}{{ g | first }} {{ g | first }} {{ g | list }}", "1 2 [3]"),
  ])
  func `Texts and views are what Python makes of them`(source: String, expected: String) throws {
    #expect(try ChatTemplate(source: source).render(messages: [], addGenerationPrompt: false) == expected)
  }
}
