import ChatTemplates
import Foundation

/// The files of a model folder, read with errors that name them.
struct ModelFolder {
  let directory: URL

  init(_ directory: URL) { self.directory = directory }

  func path(_ name: String) -> String { directory.appendingPathComponent(name).path }

  /// The content of a file, or nil where there is none.
  func read(_ name: String) throws(TokenizerError) -> [UInt8]? {
    let path = path(name)
    if !FileManager.default.fileExists(atPath: path) { return nil }
    do {
      return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      throw .unreadable(file: path, reason: FileProblem.reason(error))
    }
  }

  /// The content of a text file, or nil where there is none.
  func readText(_ name: String) throws(TokenizerError) -> String? {
    guard let bytes = try read(name) else { return nil }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .malformed(file: path(name), reason: "not UTF-8 text")
    }
    return text
  }

  /// The content of a JSON file, or nil where there is none.
  func readJSON(_ name: String) throws(TokenizerError) -> TemplateValue? {
    guard let bytes = try read(name) else { return nil }
    do {
      return try TemplateValue(parsingJSON: bytes)
    } catch {
      throw .malformed(file: path(name), reason: error.description)
    }
  }
}
