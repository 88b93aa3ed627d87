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
  private let usesColorOnError: Bool

  init(_ choice: ColorChoice) {
    let isWanted = choice == .always || ProcessInfo.processInfo.environment["NO_COLOR"] == nil
    func colors(_ descriptor: Int32) -> Bool {
      choice != .never && isWanted && (choice == .always || isatty(descriptor) == 1)
    }
    usesColor = colors(STDOUT_FILENO)
    usesColorOnError = colors(STDERR_FILENO)
  }

  /// Styles that the commands use.
  enum Style: String {
    case dim = "2"
    case green = "32"
    case red = "31"
    case bold = "1"
  }

  /// Text for stdout, or with `onError` for stderr.
  func styled(_ text: String, _ style: Style?, onError: Bool = false) -> String {
    guard onError ? usesColorOnError : usesColor, let style else { return text }
    return "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m"
  }

  /// Writes to stdout at once.
  static func output(_ text: String) { StandardStreams.output(text) }

  /// Writes a line to stderr.
  static func error(_ text: String) { StandardStreams.error(text + "\n") }
}

/// Ctrl-C: the first one asks the command to stop and to print what it has, the second ends it at once.
enum Interruption {
  private static let count = Atomic<Int>(0)

  /// Whether Ctrl-C has been pressed.
  static var isRequested: Bool { count.load(ordering: .relaxed) > 0 }

  /// Has Ctrl-C end the command at once with its status, unless whoever started it has it ignore the signal.
  static func leaveAtOnce() {
    var before = sigaction()
    unsafe sigaction(SIGINT, nil, &before)
    let isIgnored = unsafe unsafeBitCast(before.__sigaction_handler.sa_handler, to: Int.self) == 1  // SIG_IGN
    if isIgnored { return }
    signal(SIGINT) { _ in
      TerminalMode.leave()
      _exit(130)
    }
    Notices.unblockSignals()
  }

  /// Starts watching.
  static func watch() {
    signal(SIGINT) { _ in
      if Interruption.count.add(1, ordering: .relaxed).newValue > 1 { _exit(130) }
    }
    Notices.unblockSignals()
  }
}
