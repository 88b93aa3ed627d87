import Glibc
import Tensors

/// Maps a file, or says why it cannot be read.
func mapFile(_ path: String, expecting what: String) throws(LoadError) -> MappedFile {
  do throws(MappedFileError) {
    return try MappedFile(path: path)
  } catch {
    throw unreadable(path, code: error.code, expecting: what)
  }
}

/// The whole of a small file.
func readWholeFile(_ path: String, limit: Int) throws(LoadError) -> [UInt8] {
  let file = try mapFile(path, expecting: "a JSON file")
  guard file.byteCount > 0 else {
    throw LoadError(.malformed, file: path, problem: "the file is empty", accepted: "a JSON file")
  }
  guard file.byteCount <= limit else {
    throw LoadError(
      .malformed, file: path, problem: "the file is too large", found: "\(file.byteCount) bytes",
      accepted: "a JSON file of at most \(limit) bytes")
  }
  return unsafe file.withBytes(0..<file.byteCount) { bytes in unsafe Array(bytes) }
}

/// Checks that a folder is there, before its files are blamed.
func requireFolder(_ path: String) throws(LoadError) {
  var status = stat()
  let what = "a checkpoint folder with config.json and safetensors files"
  if path.utf8.contains(0) { throw unreadable(path, code: EINVAL, expecting: what) }
  if unsafe stat(path, &status) != 0 { throw unreadable(path, code: errno, expecting: what) }
  if status.st_mode & S_IFMT != S_IFDIR { throw unreadable(path, code: ENOTDIR, expecting: what) }
}

private func unreadable(_ path: String, code: Int32, expecting what: String) -> LoadError {
  let reason = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
  return LoadError(.unreadable, file: path, problem: "cannot be read", found: reason, accepted: what)
}
