import Foundation
import FusionSpec
import Tokenization

/// One line of a `--prompts` file.
struct PromptLine {
  let id: String?
  let prompt: Prompt
  let thinking: ThinkingMode?
  let category: String?
  let answer: String?
  /// Where it stands, "file line number"; nil for a prompt of the command line.
  var place: String? = nil

  /// What `body` makes of the line; its errors say where that stands.
  func located<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as any CommandFailure {
      guard let place else { throw error }
      throw CommandError(description: "\(place): \(error)", exitStatus: error.exitStatus)
    }
  }
}

/// Reads prompts given as JSON Lines: `{"id": …, "prompt": …}` or `{"messages": […]}`, optionally `thinking`.
enum PromptFile {
  private struct Line: Decodable {
    let id: Identifier?
    let prompt: String?
    let messages: [ChatMessage]?
    let thinking: String?
    let category: String?
    let answer: String?
  }

  /// An id written as text or number.
  private enum Identifier: Decodable {
    case text(String)

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let number = try? container.decode(Int.self) {
        self = .text(String(number))
      } else {
        self = .text(try container.decode(String.self))
      }
    }

    var text: String {
      switch self {
      case .text(let text): text
      }
    }
  }

  /// All lines of a file; empty lines are skipped, a wrong line is an error that names it.
  static func read(_ path: String, isRaw: Bool) throws -> [PromptLine] {
    let text = try TextInput.read(path)
    var lines: [PromptLine] = []
    // By scalars: a carriage return and a line feed are one character to Swift.
    let rows = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map(
      Substring.init)
    for (index, line) in rows.enumerated() {
      if line.allSatisfy(\.isWhitespace) { continue }
      let decoded: Line
      do {
        decoded = try JSONDecoder().decode(Line.self, from: Data(line.utf8))
      } catch {
        throw CommandError.usage("\(path) line \(index + 1): \(reason(error))")
      }
      let prompt: Prompt
      switch (decoded.prompt, decoded.messages) {
      case (let text?, nil): prompt = isRaw ? .raw(text) : .user(text)
      case (nil, let messages?) where !isRaw: prompt = .messages(messages)
      default:
        throw CommandError.usage(
          "\(path) line \(index + 1): accepted: exactly one of \"prompt\" and \"messages\""
            + (isRaw ? ", and with --raw only \"prompt\"" : ""))
      }
      if decoded.prompt?.isEmpty == true {
        throw CommandError.usage("\(path) line \(index + 1): the prompt is empty")
      }
      let thinking = decoded.thinking.flatMap(ThinkingMode.init)
      if decoded.thinking != nil, thinking == nil {
        throw CommandError.usage(
          "\(path) line \(index + 1): key \"thinking\": found \"\(decoded.thinking ?? "")\", accepted: fast, slow, auto"
        )
      }
      lines.append(
        PromptLine(
          id: decoded.id?.text, prompt: prompt, thinking: thinking, category: decoded.category,
          answer: decoded.answer, place: "\(path) line \(index + 1)"))
    }
    if lines.isEmpty { throw CommandError.usage("\(path): no prompts in the file") }
    return lines
  }

  private static func reason(_ error: any Error) -> String {
    guard let error = error as? DecodingError else { return "not JSON" }
    switch error {
    case .keyNotFound(let key, _): return "missing key \"\(key.stringValue)\""
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
      let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(
        separator: ".")
      return path.isEmpty
        ? "not a JSON object" : "key \"\(path)\" has a value of the wrong type or out of range"
    @unknown default: return "not a prompt"
    }
  }
}

/// Text from a file or from stdin.
enum TextInput {
  /// The content of a file; "-" is stdin.
  static func read(_ path: String) throws -> String {
    let data: Data
    do {
      data =
        path == "-"
        ? try FileHandle.standardInput.readToEnd() ?? Data() : try Data(contentsOf: URL(filePath: path))
    } catch {
      throw CommandError.failure("\(path): cannot be read: \(FileProblem.reason(error))")
    }
    guard let text = String(data: data, encoding: .utf8) else {
      throw CommandError.failure("\(path): not UTF-8 text")
    }
    return text
  }

  /// Token ids written as "1,2,3".
  static func tokenIDs(_ text: String, option: String) throws -> [Int32] {
    var ids: [Int32] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let id = Int32(part.trimmingCharacters(in: .whitespaces)) else {
        throw CommandError.usage(
          "\(option): found '\(part)', accepted: token ids separated by commas, such as 1,2,3")
      }
      ids.append(id)
    }
    return ids
  }
}
