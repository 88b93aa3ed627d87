import ChatTemplates
import Foundation

@testable import Tokenization

/// Reads the files that Python wrote beside the tests.
enum Fixture {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
    "Fixtures")

  static func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: folder.appendingPathComponent(name)))
  }

  static func json(_ name: String) throws -> TemplateValue {
    try TemplateValue(parsingJSON: bytes(name))
  }

  /// Makes a folder with the given files, which is removed when `body` returns.
  static func withFolder<Result>(_ files: [String: [UInt8]], _ body: (URL) throws -> Result) throws -> Result
  {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, bytes) in files { try Data(bytes).write(to: folder.appendingPathComponent(name)) }
    return try body(folder)
  }
}

extension TemplateValue {
  /// The ids in a list of numbers.
  var ids: [TokenID] { (list ?? []).compactMap { $0.int.map(TokenID.init) } }
}

/// Whether two texts have the same bytes; `==` also takes composed and decomposed characters for equal.
func identical(_ left: String, _ right: String) -> Bool {
  left.utf8.elementsEqual(right.utf8)
}

extension Tokenizer {
  /// Decodes token by token.
  func streamed(_ tokens: [TokenID], skippingSpecialTokens: Bool) -> String {
    var detokenizer = StreamingDetokenizer(self, skippingSpecialTokens: skippingSpecialTokens)
    return tokens.map { detokenizer.append($0) }.joined() + detokenizer.finish()
  }
}
