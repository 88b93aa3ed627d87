import Glibc

/// Why a file could not be mapped.
public struct MappedFileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What was being done when the system refused.
  public enum Step: String, Sendable {
    /// Opening the path for reading.
    case open
    /// Asking for type and size.
    case inspect
    /// Mapping the bytes into memory.
    case map
  }

  /// The path as the caller gave it.
  public let path: String
  /// The step that failed.
  public let step: Step
  /// The system's `errno`.
  public let code: Int32

  /// One line for people: step, path and the system's reason.
  public var description: String {
    let reason = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    return "cannot \(step.rawValue) '\(path)': \(reason)"
  }
}

/// A regular file mapped read-only into memory. Pages are read when they are first touched.
///
/// If another process shortens the file while it is mapped, touching the lost pages ends this process
/// (SIGBUS), as with every memory map.
@safe public final class MappedFile: @unchecked Sendable {
  // Sendable: the pointer and the size never change after init, and the pages are read-only.
  private let base: UnsafeRawPointer?

  /// The path as the caller gave it.
  public let path: String
  /// The file's size in bytes when it was opened.
  public let byteCount: Int
  /// When its contents were last changed, in nanoseconds since 1970.
  public let modificationTime: Int

  /// Its first byte; nil for an empty file.
  var address: UnsafeRawPointer? { unsafe base }

  /// Maps the whole file. An empty file is fine; a folder, device or pipe is refused.
  public init(path: String) throws(MappedFileError) {
    func failure(_ step: MappedFileError.Step, _ code: Int32 = errno) -> MappedFileError {
      MappedFileError(path: path, step: step, code: code)
    }
    if path.utf8.contains(0) { throw failure(.open, EINVAL) }  // the system would see a shorter path
    // O_NONBLOCK: opening a pipe must not wait for a writer.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if descriptor < 0 { throw failure(.open) }
    defer { close(descriptor) }

    var status = stat()
    if unsafe fstat(descriptor, &status) != 0 { throw failure(.inspect) }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw failure(.inspect, EISDIR)
    default: throw failure(.inspect, EINVAL)
    }

    self.path = path
    byteCount = Int(status.st_size)
    modificationTime = Int(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int(status.st_mtim.tv_nsec)
    if byteCount == 0 {
      unsafe base = nil
      return
    }
    let address = unsafe mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0)
    if unsafe address == MAP_FAILED { throw failure(.map) }
    unsafe base = UnsafeRawPointer(address)
  }

  deinit {
    if let base = unsafe base { unsafe munmap(UnsafeMutableRawPointer(mutating: base), byteCount) }
  }

  /// Calls `body` with the bytes of `range`, which must lie in `0..<byteCount`. The bytes are valid inside
  /// `body` only.
  public func withBytes<R, E: Error>(
    _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "range outside the mapped file")
    let start = unsafe base.map { unsafe $0 + range.lowerBound }
    return try unsafe body(UnsafeRawBufferPointer(start: start, count: range.count))
  }

  /// Tells the system that `range` will be read soon, so that it may read ahead.
  public func willNeed(_ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "range outside the mapped file")
    advise(range, MADV_WILLNEED)
  }

  /// Tells the system that `range` will not be read again soon, so that its pages may leave memory.
  public func doneWith(_ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "range outside the mapped file")
    advise(range, MADV_DONTNEED)
  }

  private func advise(_ range: Range<Int>, _ advice: Int32) {
    guard let base = unsafe base, !range.isEmpty else { return }
    let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))
    let start = range.lowerBound / pageSize * pageSize
    let address = unsafe UnsafeMutableRawPointer(mutating: base + start)
    _ = unsafe madvise(address, range.upperBound - start, advice)  // advice only: failure changes nothing
  }
}
