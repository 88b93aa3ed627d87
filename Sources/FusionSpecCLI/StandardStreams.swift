import Foundation

/// Writing to stdout and stderr, which may be full, closed, or read slowly.
enum StandardStreams {
  /// Puts something in place of what the caller has closed, so that no file takes its number: nothing to read, and a stdout that
  /// says that it cannot be written.
  static func open() {
    for (descriptor, replacement, mode) in [
      (STDIN_FILENO, "/dev/null", O_RDONLY), (STDOUT_FILENO, "/dev/full", O_WRONLY),
      (STDERR_FILENO, "/dev/null", O_WRONLY),
    ] where fcntl(descriptor, F_GETFD) < 0 || (descriptor == STDIN_FILENO && isEndless(descriptor)) {
      let file = unsafe Glibc.open(replacement, mode)
      guard file >= 0, file != descriptor else { continue }
      dup2(file, descriptor)
      close(file)
    }
  }

  /// Whether a descriptor is /dev/full, which the language's runtime puts in place of a closed stdin: reading it never ends.
  private static func isEndless(_ descriptor: Int32) -> Bool {
    var found = stat()
    var full = stat()
    guard unsafe fstat(descriptor, &found) == 0, unsafe stat("/dev/full", &full) == 0 else { return false }
    return found.st_mode & S_IFMT == S_IFCHR && found.st_rdev == full.st_rdev
  }

  /// Writes a result to stdout at once. Where that is impossible the command ends.
  static func output(_ text: String) {
    let code = write(text, to: STDOUT_FILENO)
    if code == 0 { return }
    let reason = unsafe String(cString: strerror(code))
    TerminalMode.leave()
    _ = write("error: standard output: cannot be written: \(reason)\n", to: STDERR_FILENO)
    exit(1)
  }

  /// Writes to stderr as it is, if that is possible.
  static func error(_ text: String) { _ = write(text, to: STDERR_FILENO) }

  /// Writes everything; returns the system's error, or 0.
  private static func write(_ text: String, to descriptor: Int32) -> Int32 {
    var text = text
    return text.withUTF8 { bytes in
      var done = 0
      while done < bytes.count {
        let rest = unsafe UnsafeBufferPointer(rebasing: bytes[done...])
        let count = unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
        if count > 0 {
          done += count
          continue
        }
        let code = errno
        if code == EAGAIN {
          var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          _ = unsafe poll(&waiting, 1, -1)
        } else if code != EINTR {
          return code
        }
      }
      return 0
    }
  }
}
