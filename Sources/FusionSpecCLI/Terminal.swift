import ArgumentParser
import Foundation
import Synchronization

/// When to colour.
enum ColorChoice: String, CaseIterable, ExpressibleByArgument {
  case auto
  case always
  case never
}

/// Text on the terminal: results to stdout, everything else to stderr.
struct Terminal {
  let usesColor: Bool

  init(_ choice: ColorChoice) {
    switch choice {
    case .always: usesColor = true
    case .never: usesColor = false
    case .auto: usesColor = isatty(1) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"] == nil
    }
  }

  /// Styles that the commands use.
  enum Style: String {
    case dim = "2"
    case green = "32"
    case red = "31"
    case bold = "1"
  }

  func styled(_ text: String, _ style: Style?) -> String {
    guard usesColor, let style else { return text }
    return "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m"
  }

  /// Writes to stdout at once.
  static func output(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }

  /// Writes a line to stderr.
  static func error(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}

/// Ctrl-C: the first one asks the command to stop and to print what it has, the second ends it at once.
enum Interruption {
  private static let count = Atomic<Int>(0)

  /// Whether Ctrl-C has been pressed.
  static var isRequested: Bool { count.load(ordering: .relaxed) > 0 }

  /// Starts watching.
  static func watch() {
    signal(SIGINT) { _ in
      if Interruption.count.add(1, ordering: .relaxed).newValue > 1 { _exit(130) }
    }
    Notices.unblockSignals()
  }
}
