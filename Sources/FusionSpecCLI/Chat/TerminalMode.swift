import Glibc
import Synchronization

/// The terminal's raw mode, which is undone on every way out, deadly signals included.
enum TerminalMode {
  private static let raw = Atomic(false)
  /// The mode in which the terminal was found. Memory that a signal handler can read without taking a lock.
  private nonisolated(unsafe) static let original = UnsafeMutablePointer<termios>.allocate(capacity: 1)
  /// Ends bracketed paste and colours.
  private static let farewell: StaticString = "\u{1B}[?2004l\u{1B}[0m"
  private static let greeting: StaticString = "\u{1B}[?2004h"
  private static let deadly = [
    SIGHUP, SIGQUIT, SIGTERM, SIGPIPE, SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE,
  ]

  /// Whether the terminal is raw at present.
  static var isRaw: Bool { raw.load(ordering: .relaxed) }

  /// Gives keys out one by one, without echo, and signals of the keyboard as keys; output stays as it is.
  ///
  /// - Returns: Whether stdin is a terminal that can do so.
  @discardableResult
  static func enter() -> Bool {
    if isRaw { return true }
    guard unsafe tcgetattr(STDIN_FILENO, original) == 0 else { return false }
    var mode = unsafe original.pointee
    mode.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG | IEXTEN)
    mode.c_iflag &= ~tcflag_t(IXON | ICRNL | BRKINT | INPCK | ISTRIP)
    for number in deadly {
      signal(number) { number in
        TerminalMode.leave()
        signal(number, SIG_DFL)
        raise(number)
      }
    }
    raw.store(true, ordering: .relaxed)
    guard unsafe tcsetattr(STDIN_FILENO, TCSADRAIN, &mode) == 0 else {
      raw.store(false, ordering: .relaxed)
      return false
    }
    write(greeting)
    return true
  }

  /// Puts the terminal back as it was. A signal handler may call this.
  static func leave() {
    guard raw.exchange(false, ordering: .relaxed) else { return }
    write(farewell)
    unsafe tcsetattr(STDIN_FILENO, TCSANOW, original)
  }

  /// Stops the process as Ctrl-Z does in a shell, the terminal put back meanwhile.
  static func suspend() {
    leave()
    signal(SIGTSTP, SIG_DFL)
    raise(SIGTSTP)
    enter()
    Notices.watch()
  }

  /// Columns and rows of the terminal on stderr.
  static var size: (columns: Int, rows: Int) {
    var window = winsize()
    guard unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0, window.ws_row > 0
    else { return (80, 24) }
    return (Int(window.ws_col), Int(window.ws_row))
  }

  private static func write(_ text: StaticString) {
    _ = unsafe Glibc.write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
  }
}
