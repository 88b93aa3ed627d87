import Foundation
import Testing

@testable import ChatTemplates

/// What Python wrote beside the tests.
enum Fixture {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
    "Fixtures")

  static func golden() throws -> TemplateValue {
    try TemplateValue(parsingJSON: Array(Data(contentsOf: folder.appendingPathComponent("golden.json"))))
  }

  static func template(_ name: String, in folder: URL = folder) throws -> ChatTemplate {
    let path = folder.appendingPathComponent("templates").appendingPathComponent(name)
    return try ChatTemplate(source: String(decoding: Data(contentsOf: path), as: UTF8.self))
  }
}

extension TemplateDictionary {
  /// The entries as the variables of a template.
  var variables: [String: TemplateValue] {
    Dictionary(map { ($0.key, $0.value) }) { first, _ in first }
  }
}

/// Whether two texts have the same bytes; `==` also takes composed and decomposed characters for equal.
func identical(_ left: String, _ right: String) -> Bool {
  left.utf8.elementsEqual(right.utf8)
}

/// Text equal to Python's jinja2, and failure where that fails.
@Suite struct GoldenTests {
  @Test func `Every feature gives Python's text or fails as Python does`() throws {
    let golden = try Fixture.golden()
    let variables = try #require(golden["variables"]?.dictionary).variables
    let cases = try #require(golden["features"]?.list)
    #expect(cases.count > 250)
    for example in cases {
      let source = try #require(example["template"]?.string)
      do {
        let text = try ChatTemplate(source: source).render(variables: variables)
        let expected = try #require(example["text"]?.string, "\(source) does not fail but gives \(text)")
        #expect(identical(text, expected), "\(source)")
      } catch let error as TemplateError {
        #expect(example["error"] != nil, "\(source) fails: \(error)")
      }
    }
  }

  @Test func `Every conversation gives Python's prompt`() throws {
    let golden = try Fixture.golden()
    let conversations = try #require(golden["conversations"]?.dictionary)
    let options = try #require(golden["options"]?.list)
    let cases = try #require(golden["chats"]?.list)
    #expect(cases.count > 400)
    var templates: [String: ChatTemplate] = [:]
    for example in cases {
      let file = try #require(example["template"]?.string)
      let name = try #require(example["conversation"]?.string)
      let messages = try #require(conversations[name]?.list)
      let index = try #require(example["options"]?.int)
      let variables = try #require(options[index].dictionary).variables
      let adds = variables["add_generation_prompt"] == true
      let template = try templates[file] ?? Fixture.template(file)
      templates[file] = template
      do {
        let text = try template.render(messages: messages, addGenerationPrompt: adds, variables: variables)
        let expected = try #require(
          example["text"]?.string, "\(file), \(name) does not fail but gives \(text)")
        #expect(identical(text, expected), "\(file), \(name), \(variables)")
      } catch let error as TemplateError {
        #expect(example["error"] != nil, "\(file), \(name) fails: \(error)")
      }
    }
  }
}
