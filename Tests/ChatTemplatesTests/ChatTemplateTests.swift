import Testing

@testable import ChatTemplates

@Suite struct ChatTemplateTests {
  @Test func `Errors carry their kind and line`() throws {
    func error(_ source: String) -> TemplateError? {
      do {
        _ = try ChatTemplate(source: source).render(messages: [], addGenerationPrompt: false)
        return nil
      } catch {
        return error
      }
    }
    #expect(error("a\nb\n{{ 1 +")?.kind == .syntax)
    #expect(error("a\nb\n{{ 1 + }}")?.line == 3)
    #expect(error("a\n{{ missing.x }}\nb")?.kind == .runtime)
    #expect(error("a\n{{ missing.x }}\nb")?.line == 2)
    #expect(error("a\r\n\r\n{% if 1 -%}\n\n\n{{ 1/0 }}{% endif %}")?.line == 6)
    #expect(error("{{ raise_exception('No.') }}")?.kind == .raised)
    #expect(error("{{ raise_exception('No.') }}")?.description == "No.")
    #expect(error("{#\n\n#}\n{% raw %}\n\n{% endraw %}\n{{ nope() }}")?.line == 7)
    #expect(error("{{ 'a'|nope }}")?.description.contains("nope") == true)
  }

  @Test func `The time can be fixed`() throws {
    var template = try ChatTemplate(source: "{{ strftime_now('%Y') }}|{{ strftime_now('') }}")
    template.secondsSince1970 = 1_700_000_000
    #expect(try template.render(messages: [], addGenerationPrompt: false) == "2023|")
    template.secondsSince1970 = nil
    #expect(try template.render(messages: [], addGenerationPrompt: false).count == 5)
  }

  @Test func `A template can be rendered from many tasks`() async throws {
    let template = try Fixture.template("qwen3-style.jinja")
    let texts = try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<16 {
        group.addTask {
          try template.render(messages: [["role": "user", "content": "hi"]], addGenerationPrompt: true)
        }
      }
      return try await group.reduce(into: Set<String>()) { $0.insert($1) }
    }
    #expect(texts.count == 1)
  }

  @Test func `JSON is read in order and whole`() throws {
    let value = try TemplateValue(
      parsingJSON: #"{"b": [1, 2.5, -3e2, true, null, "\u00e9\ud83d\ude00\n"], "a": {}}"#)
    #expect(value.dictionary?.keys == ["b", "a"])
    #expect(value["b"] == [1, 2.5, -300.0, true, nil, "é😀\n"])
    for bad in [
      "", "{", "[1,", "[1,]", "{\"a\"}", "tru", "\"abc", "01x", "[1] 2", "{1: 2}", "\"\\x\"", "\u{1}", "+1",
      "nul",
    ] {
      #expect(throws: JSONError.self) { try TemplateValue(parsingJSON: bad) }
    }
    #expect(throws: JSONError.self) {
      try TemplateValue(parsingJSON: String(repeating: "[", count: 100_000))
    }
  }
}
