import Foundation
import Tokenization

/// Results written to files.
enum TextOutput {
  /// Writes a whole file; an existing one is replaced only by the complete new one.
  static func write(_ text: String, to path: String) throws {
    do {
      try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw CommandError.failure("\(path): cannot be written: \(FileProblem.reason(error))")
    }
  }
}
