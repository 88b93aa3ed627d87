import Foundation

/// Reads lines from a pipe, a file, or a terminal that edits lines by itself.
struct PipeReader {
  /// What reading ended with.
  enum Outcome: Equatable {
    case line(String)
    /// A line longer than `limit`, which was passed over.
    case tooLong
    case endOfInput
    case interrupt
  }

  /// Longest line in bytes.
  static let limit = 4 << 20
  private var bytes: [UInt8] = []
  /// Bytes at the beginning that hold no line break.
  private var searched = 0
  private var isSkipping = false
  private var isEnded = false

  /// Reads a line. Bytes that are not UTF-8 become U+FFFD.
  mutating func read() -> Outcome {
    while true {
      if let end = bytes[searched...].firstIndex(of: 0x0A) {
        let isTooLong = isSkipping || end > Self.limit
        defer {
          bytes.removeFirst(end + 1)
          searched = 0
          isSkipping = false
        }
        return isTooLong ? .tooLong : .line(text(bytes[..<end]))
      }
      searched = bytes.count
      if searched > Self.limit {
        isSkipping = true
        bytes.removeAll()
        searched = 0
      }
      if isEnded {
        if isSkipping {
          isSkipping = false
          return .tooLong
        }
        if bytes.isEmpty { return .endOfInput }
        defer {
          bytes = []
          searched = 0
        }
        return .line(text(bytes[...]))
      }
      for event in Notices.wait(forInput: true) {
        switch event {
        case .input(let more): bytes += more
        case .endOfInput: isEnded = true
        case .notice(.interrupt): return .interrupt
        case .notice: break
        }
      }
    }
  }

  private func text(_ line: ArraySlice<UInt8>) -> String {
    String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
  }
}
