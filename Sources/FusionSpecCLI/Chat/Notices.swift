import Glibc

/// Signals and news of other threads, brought to the main loop through a pipe, so that it can wait for them and for keys at
/// once.
enum Notice: UInt8 {
  /// SIGINT.
  case interrupt = 1
  /// The terminal's size changed.
  case resize
  /// SIGTSTP.
  case suspend
  /// SIGCONT.
  case resume
  /// Another thread has something.
  case news
}

/// The pipe of notices.
enum Notices {
  /// What the main loop can be woken by.
  enum Event: Equatable {
    case notice(Notice)
    case input([UInt8])
    case endOfInput
  }

  private static let ends: (reading: Int32, writing: Int32) = {
    var ends: [Int32] = [-1, -1]
    _ = unsafe ends.withUnsafeMutableBufferPointer { unsafe pipe($0.baseAddress) }
    for end in ends {
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
    }
    return (ends[0], ends[1])
  }()

  /// Begins to bring SIGINT, and, with a terminal in raw mode, what else concerns it.
  static func watch() {
    _ = ends  // made before a handler needs it
    signal(SIGINT) { _ in Notices.post(.interrupt) }
    unblockSignals()
    guard TerminalMode.isRaw else { return }
    signal(SIGWINCH) { _ in Notices.post(.resize) }
    signal(SIGTSTP) { _ in Notices.post(.suspend) }
    signal(SIGCONT) { _ in Notices.post(.resume) }
  }

  /// Lets signals through that the parent process had blocked, as programs that start others from a dispatch queue do.
  static func unblockSignals() {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP, SIGCONT, SIGWINCH] {
      unsafe sigaddset(&signals, number)
    }
    unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  /// Leaves a notice. A signal handler may call this; a full pipe wakes the reader anyhow.
  static func post(_ notice: Notice) {
    let saved = errno
    var byte = notice.rawValue
    _ = unsafe write(ends.writing, &byte, 1)
    errno = saved
  }

  /// Waits for notices and, if asked, for input.
  ///
  /// - Parameter milliseconds: Longest wait; -1 for no limit.
  /// - Returns: What there is; nothing after the longest wait.
  static func wait(forInput: Bool, milliseconds: Int32 = -1) -> [Event] {
    var watched = [pollfd(fd: ends.reading, events: Int16(POLLIN), revents: 0)]
    if forInput { watched.append(pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)) }
    let count = unsafe watched.withUnsafeMutableBufferPointer {
      unsafe poll($0.baseAddress, nfds_t($0.count), milliseconds)
    }
    guard count > 0 else { return [] }
    var events: [Event] = []
    if watched[0].revents != 0 {
      for byte in read(ends.reading, limit: 4096) ?? [] {
        guard let notice = Notice(rawValue: byte) else { continue }
        // Every Ctrl-C counts.
        if notice == .interrupt || !events.contains(.notice(notice)) { events.append(.notice(notice)) }
      }
    }
    if forInput, watched[1].revents != 0 {
      let bytes = read(STDIN_FILENO, limit: 1 << 16)
      if let bytes { events.append(bytes.isEmpty ? .endOfInput : .input(bytes)) }
    }
    return events
  }

  /// Bytes that are there; empty at the end, nil where a signal came between.
  private static func read(_ descriptor: Int32, limit: Int) -> [UInt8]? {
    var isRetry = false
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      let found = unsafe Glibc.read(descriptor, buffer.baseAddress, limit)
      isRetry = found < 0 && (errno == EINTR || errno == EAGAIN)
      count = max(0, found)
    }
    return isRetry ? nil : bytes
  }
}
