import Checkpoints
import Glibc
import Tensors

/// Writes a file of packed matrices under a name of its own and moves it to its place when it is complete.
///
/// Any number of processes may write the same file at once: each has its own partial file, and a move replaces the file as
/// a whole. What a killed process left behind is not locked, and the next writer takes it away. Every failure (a full disk,
/// say) ends the writing and nothing else.
final class PackedFileWriter {
  private let place: String
  private let partial: String
  private let fingerprint: Fingerprint
  private var descriptor: Int32
  private var offset = PackedFile.alignment
  private var entries: [(key: String, entry: PackedFile.Entry)] = []

  /// Starts a partial file; nil where the folder cannot be made or written.
  init?(folder: String, name: String, fingerprint: Fingerprint) {
    place = "\(folder)/\(name)"
    self.fingerprint = fingerprint
    partial = "\(place).\(String(UInt64.random(in: .min ... .max), radix: 36)).partial"
    Self.makeFolder(folder)
    Self.removeLeftovers(folder, name)
    descriptor = unsafe open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { return nil }
    _ = flock(descriptor, LOCK_EX | LOCK_NB)  // tells others that somebody is at work
  }

  deinit { abandon() }

  /// Appends a matrix.
  func add(_ key: String, _ matrix: PackedMatrix) {
    guard descriptor >= 0 else { return }
    let entry = PackedFile.Entry(
      format: matrix.format, isGatedPair: matrix.isGatedPair, isCompact: matrix.isCompact,
      outputs: matrix.outputs, inputs: matrix.inputs, offset: offset)
    let isWritten = unsafe matrix.withPackedBytes { bytes in unsafe write(bytes, at: offset) }
    guard isWritten else { return abandon() }
    entries.append((key, entry))
    let end = offset + matrix.byteCount
    offset = (end + PackedFile.alignment - 1) / PackedFile.alignment * PackedFile.alignment
  }

  /// Completes the file and moves it to its place.
  func finish() {
    guard descriptor >= 0 else { return }
    let index = PackedFile.encode(entries)
    let header = PackedFile.header(fingerprint, index: index, offset: offset)
    guard write(index, at: offset), fsync(descriptor) == 0, write(header, at: 0), fsync(descriptor) == 0,
      unsafe rename(partial, place) == 0
    else { return abandon() }
    close(descriptor)
    descriptor = -1
  }

  private func abandon() {
    guard descriptor >= 0 else { return }
    _ = unsafe unlink(partial)
    close(descriptor)
    descriptor = -1
  }

  private func write(_ bytes: [UInt8], at offset: Int) -> Bool {
    unsafe bytes.withUnsafeBytes { bytes in unsafe write(bytes, at: offset) }
  }

  private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
    var done = 0
    while done < bytes.count {
      guard let base = bytes.baseAddress else { return false }
      let count = unsafe pwrite(descriptor, base + done, min(bytes.count - done, 1 << 26), offset + done)
      if count < 0, errno == EINTR { continue }
      if count <= 0 { return false }
      done += count
    }
    return true
  }

  private static func makeFolder(_ folder: String) {
    var path = folder.hasPrefix("/") ? "" : "."
    for part in folder.split(separator: "/") {
      path += "/" + part
      _ = unsafe mkdir(path, 0o755)
    }
  }

  /// Removes partial files of this name that nobody writes any more.
  private static func removeLeftovers(_ folder: String, _ name: String) {
    guard let directory = unsafe opendir(folder) else { return }
    defer { unsafe closedir(directory) }
    while let entry = unsafe readdir(directory) {
      let file = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard file.hasPrefix(name + "."), file.hasSuffix(".partial") else { continue }
      let path = folder + "/" + file
      let other = unsafe open(path, O_RDWR | O_CLOEXEC)
      guard other >= 0 else { continue }
      if flock(other, LOCK_EX | LOCK_NB) == 0 { _ = unsafe unlink(path) }
      close(other)
    }
  }
}
